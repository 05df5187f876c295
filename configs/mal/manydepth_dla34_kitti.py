# Multi-frame depth with DLA-34 on KITTI, whose encoder can initialise a detector.
_base_ = './manydepth_kitti.py'
dla34 = dict(
    _delete_=True,
    type='DLANet',
    depth=34,
    out_indices=(1, 2, 3, 4, 5),  # strides 2 to 32
    norm_cfg=dict(type='BN'),
    init_cfg=dict(
        type='DLAImageNetInit',
        checkpoint='http://dl.yf.io/dla/models/imagenet/dla34-ba72cf86.pth'))
decode_head = dict(in_channels=(32, 64, 128, 256, 512))
model = dict(
    teacher=dict(backbone=dla34, decode_head=decode_head),
    backbone=dla34,
    decode_head=decode_head)
