# Cars-196, zero-shot split: the first 98 classes for training, the others for test.
_base_ = './cub.py'
data_root = 'data/cars196/'

train_dataloader = dict(dataset=dict(type='CarsDataset', data_root=data_root))
table_dataloader = dict(dataset=dict(type='CarsDataset', data_root=data_root))
val_dataloader = dict(dataset=dict(type='CarsDataset', data_root=data_root))
test_dataloader = val_dataloader
