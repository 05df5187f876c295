# PGD (Wang et al., CoRL 2021) with ResNet-101 and FPN, as mmdet3d trains it on KITTI.
# Settings of the model in mmdet3d's
# configs/pgd/pgd_r101-caffe_fpn_head-gn_4xb3-4x_kitti-mono3d.py. That file is not a base here,
# because it also holds a dataset, a schedule and a runtime.
_base_ = 'mmdet3d::_base_/models/pgd.py'

model = dict(
    data_preprocessor=dict(
        mean=[103.530, 116.280, 123.675],
        std=[1.0, 1.0, 1.0],
        bgr_to_rgb=False,
        pad_size_divisor=32),
    backbone=dict(frozen_stages=0),
    neck=dict(start_level=0, num_outs=4),
    bbox_head=dict(
        num_classes=3,
        bbox_code_size=7,
        pred_attrs=False,
        pred_velo=False,
        pred_bbox2d=True,
        use_onlyreg_proj=True,
        strides=(4, 8, 16, 32),
        regress_ranges=((-1, 64), (64, 128), (128, 256), (256, 1e8)),
        group_reg_dims=(2, 1, 3, 1, 16, 4),  # offset, depth, size, rotation, keypoints, 2D box
        reg_branch=((256, ), (256, ), (256, ), (256, ), (256, ), (256, )),
        centerness_branch=(256, ),
        use_depth_classifier=True,
        depth_branch=(256, ),
        depth_range=(0, 70),  # metres
        depth_unit=10,
        division='uniform',
        depth_bins=8,
        pred_keypoints=True,
        weight_dim=1,
        loss_depth=dict(type='UncertainSmoothL1Loss', alpha=1.0, beta=3.0, loss_weight=1.0),
        bbox_coder=dict(
            type='PGDBBoxCoder',
            base_depths=((28.01, 16.32), ),
            # Length, height, width in metres of Pedestrian, Cyclist, Car.
            base_dims=((0.8, 1.73, 0.6), (1.76, 1.73, 0.6), (3.9, 1.56, 1.6)),
            code_size=7)),
    # Weights of the 7 box values, the 16 keypoint offsets and the 4 sides of the 2D box.
    train_cfg=dict(code_weight=[1.0] * 7 + [0.2] * 16 + [1.0] * 4),
    test_cfg=dict(nms_pre=100, nms_thr=0.05, score_thr=0.001, max_per_img=20))
