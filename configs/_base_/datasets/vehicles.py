# Rendered vehicles of `tools/create_data.py vehicles`: training, validation and test identities.
data_root = 'data/vehicles/'
input_size = 64  # width and height of a view; the crops have 96

# The views of STML's protocol (configs/_base_/datasets/cub.py), at a smaller size.
train_views = [
    dict(type='RandomResizedCrop', size=input_size, scale=(.16, 1.)),
    dict(type='RandomHorizontalFlip'),
]
test_views = [
    dict(type='Resize', size=input_size),
    dict(type='CenterCrop', size=input_size),
]
# The whole set has 90 MB.
load = dict(type='LoadCrop', keep_in_memory=True)
train_pipeline = [
    load,
    dict(type='MakeViews', transforms=train_views),
    dict(type='PackViews'),
]
# The momentum encoder sees the whole crop.
clean_pipeline = [
    load,
    dict(type='MakeViews', transforms=train_views, clean=test_views),
    dict(type='PackViews'),
]
two_view_pipeline = [
    load,
    dict(type='MakeViews', transforms=train_views, num_views=2),
    dict(type='PackViews'),
]
test_pipeline = [
    load,
    dict(type='MakeViews', transforms=test_views),
    dict(type='PackViews'),
]

images = dict(type='ClassFolderDataset', data_root=data_root)
# On two cores a data worker slows the training threads down.
train_dataloader = dict(
    batch_size=120,
    num_workers=0,
    persistent_workers=False,
    sampler=dict(type='DefaultSampler', shuffle=True),
    dataset=dict(**images, split='train', pipeline=train_pipeline))
in_order = dict(
    batch_size=120,
    num_workers=0,
    persistent_workers=False,
    drop_last=False,
    sampler=dict(type='DefaultSampler', shuffle=False))
# The training set without augmentation, for the table of nearest neighbours.
table_dataloader = dict(
    **in_order, dataset=dict(**images, split='train', pipeline=test_pipeline))
val_dataloader = dict(
    **in_order, dataset=dict(**images, split='val', pipeline=test_pipeline, test_mode=True))
test_dataloader = dict(
    **in_order, dataset=dict(**images, split='test', pipeline=test_pipeline, test_mode=True))

val_evaluator = dict(type='RetrievalMetric', recall_at=(1, 2, 4, 8))
test_evaluator = val_evaluator
