# Encoder from rendered clips by MAL with both hints, a slim DLA; camera motion is known.
_base_ = '../../mal/mal_synthetic.py'
# The detector's normalisation of images.
preprocessor = dict(mean=[0.485, 0.456, 0.406], std=[0.229, 0.224, 0.225])
model = dict(data_preprocessor=preprocessor)
# An epoch of 261 iterations takes about 5 minutes, as much as the other encoders.
max_epochs = 1
train_cfg = dict(max_epochs=max_epochs, val_interval=max_epochs)
