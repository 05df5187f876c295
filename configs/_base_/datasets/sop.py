# Stanford Online Products: 11,318 classes for training, 11,316 for test.
_base_ = './cub.py'
data_root = 'data/Stanford_Online_Products/'

train_dataloader = dict(dataset=dict(type='ProductsDataset', data_root=data_root))
table_dataloader = dict(dataset=dict(type='ProductsDataset', data_root=data_root))
val_dataloader = dict(dataset=dict(type='ProductsDataset', data_root=data_root))
test_dataloader = val_dataloader

val_evaluator = dict(recall_at=(1, 10, 100))
test_evaluator = val_evaluator
