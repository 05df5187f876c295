# Self-taught similarities (STML) on rendered vehicles.
_base_ = '../vehicles_128.py'
# The authors count 10 neighbours of 5 images in two views. Here a batch has one view.
model = dict(loss=dict(_delete_=True, type='SelfTaughtLoss', num_neighbours=5))
train_dataloader = dict(dataset=dict(pipeline=_base_.clean_pipeline))
