# Crops of the labelled objects of the synthetic set, see synthetic_mono3d.py.
_base_ = './vehicles.py'
data_root = 'data/synthetic/'

frames = dict(
    type='KittiMonoDataset', data_root=data_root,
    metainfo=dict(classes=['Pedestrian', 'Car', 'Cyclist']))
objects = dict(_delete_=True, type='ObjectCropDataset', margin=.1, min_size=16)
train_frames = dict(frames, ann_file='ImageSets/train.txt')
val_frames = dict(frames, ann_file='ImageSets/val.txt')

train_dataloader = dict(
    dataset=dict(objects, dataset=train_frames, pipeline=_base_.train_pipeline))
table_dataloader = dict(
    dataset=dict(objects, dataset=train_frames, pipeline=_base_.test_pipeline))
val_dataloader = dict(
    dataset=dict(objects, dataset=val_frames, pipeline=_base_.test_pipeline, test_mode=True))
test_dataloader = val_dataloader
