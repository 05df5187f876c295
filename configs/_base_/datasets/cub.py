# CUB-200-2011, zero-shot split: the first 100 classes for training, the others for test.
data_root = 'data/CUB_200_2011/'
input_size = 227  # width and height of a view

# Protocol of STML (Kim et al., CVPR 2022).
train_views = [
    dict(type='RandomResizedCrop', size=input_size, scale=(.16, 1.)),
    dict(type='RandomHorizontalFlip'),
]
test_views = [
    dict(type='Resize', size=256),
    dict(type='CenterCrop', size=input_size),
]
train_pipeline = [
    dict(type='LoadCrop'),
    dict(type='MakeViews', transforms=train_views),
    dict(type='PackViews'),
]
test_pipeline = [
    dict(type='LoadCrop'),
    dict(type='MakeViews', transforms=test_views),
    dict(type='PackViews'),
]

train_dataloader = dict(
    batch_size=120,
    num_workers=8,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=True),
    dataset=dict(type='CUBDataset', data_root=data_root, split='train', pipeline=train_pipeline))
# The training set without augmentation, for the table of nearest neighbours.
table_dataloader = dict(
    batch_size=120,
    num_workers=8,
    persistent_workers=True,
    drop_last=False,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(type='CUBDataset', data_root=data_root, split='train', pipeline=test_pipeline))
# The field has no validation set.
val_dataloader = dict(
    batch_size=120,
    num_workers=8,
    persistent_workers=True,
    drop_last=False,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type='CUBDataset', data_root=data_root, split='test', pipeline=test_pipeline,
        test_mode=True))
test_dataloader = val_dataloader

val_evaluator = dict(type='RetrievalMetric', recall_at=(1, 2, 4, 8))
test_evaluator = val_evaluator
