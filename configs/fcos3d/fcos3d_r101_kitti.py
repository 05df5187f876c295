# mmdet3d's FCOS3D on KITTI train/val, with the data, feature levels and schedule of PGD.
# mmdet3d has a config of FCOS3D for nuScenes alone. PGD is the successor of FCOS3D.
_base_ = '../pgd/pgd_r101_kitti.py'
model = dict(
    bbox_head=dict(
        _delete_=True,
        type='FCOSMono3DHead',
        num_classes=3,
        bbox_code_size=7,
        in_channels=256,
        stacked_convs=2,
        feat_channels=256,
        use_direction_classifier=True,
        diff_rad_by_sin=True,
        pred_attrs=False,
        pred_velo=False,
        dir_offset=0.7854,  # pi / 4
        strides=(4, 8, 16, 32),
        regress_ranges=((-1, 64), (64, 128), (128, 256), (256, 1e8)),
        group_reg_dims=(2, 1, 3, 1),  # offset, depth, size, rotation
        cls_branch=(256, ),
        reg_branch=((256, ), (256, ), (256, ), (256, )),
        dir_branch=(256, ),
        loss_cls=dict(type='mmdet.FocalLoss', use_sigmoid=True, gamma=2.0, alpha=0.25,
                      loss_weight=1.0),
        loss_bbox=dict(type='mmdet.SmoothL1Loss', beta=1.0 / 9.0, loss_weight=1.0),
        loss_dir=dict(type='mmdet.CrossEntropyLoss', use_sigmoid=False, loss_weight=1.0),
        loss_centerness=dict(type='mmdet.CrossEntropyLoss', use_sigmoid=True, loss_weight=1.0),
        bbox_coder=dict(type='FCOS3DBBoxCoder', code_size=7),
        norm_on_bbox=True,
        centerness_on_reg=True,
        center_sampling=True,
        conv_bias=True,
        dcn_on_last_conv=True),
    train_cfg=dict(code_weight=[1.0, 1.0, 0.2, 1.0, 1.0, 1.0, 1.0]))
