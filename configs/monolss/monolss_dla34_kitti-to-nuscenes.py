# Tests the depth error of a KITTI detector on nuScenes' front camera, validation scenes.
#   python tools/test.py configs/monolss/monolss_dla34_kitti-to-nuscenes.py CHECKPOINT
_base_ = './monolss_dla34_kitti.py'
# DEVIANT's input size for images of 1600x900.
nuscenes_input_size = (672, 384)
test_dataloader = dict(
    dataset=dict(
        _delete_=True,
        type='NuScenesMonoDataset',
        data_root='data/nuscenes/',
        version='v1.0-trainval',
        scenes='val',
        metainfo=dict(classes=_base_.class_names),
        pipeline=[
            dict(type='LoadImageMono3D'),
            dict(type='CropScaleAffine', input_size=nuscenes_input_size, fit='contain'),
            dict(type='PackMono3DInputs'),
        ],
        test_mode=True))
test_evaluator = dict(_delete_=True, type='ObjectDepthMetric')
