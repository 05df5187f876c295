# Schedule of BTS: 50 epochs of AdamW, batch 16, polynomial decay of power 0.9 from 1e-4 to 1e-5
# (paper, implementation details). Only the encoder has weight decay (released code).
_base_ = './newcrfs_depth_20e.py'
max_epochs = 50
train_cfg = dict(max_epochs=max_epochs)
optim_wrapper = dict(
    optimizer=dict(_delete_=True, type='AdamW', lr=1e-4, eps=1e-6, weight_decay=1e-2),
    paramwise_cfg=dict(custom_keys=dict(decode_head=dict(decay_mult=0.))))
param_scheduler = [
    dict(type='PolyLR', power=0.9, eta_min=1e-5, begin=0, end=max_epochs, by_epoch=True,
         convert_to_iter_based=True),
]
auto_scale_lr = dict(base_batch_size=16)
