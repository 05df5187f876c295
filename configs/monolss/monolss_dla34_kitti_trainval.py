# MonoLSS on KITTI trainval, tested on the test set for a submission.
#   python tools/test.py CONFIG CHECKPOINT --submission-dir DIR
_base_ = './monolss_dla34_kitti.py'

train_dataloader = dict(dataset=dict(dataset=dict(ann_file='ImageSets/trainval.txt')))
# No validation: the frames of val are in the training set.
val_dataloader = None
val_evaluator = None
val_cfg = None
test_dataloader = dict(
    dataset=dict(
        ann_file='ImageSets/test.txt',
        data_prefix=dict(img='testing/image_2', calib='testing/calib')))
test_evaluator = dict(format_only=True)
