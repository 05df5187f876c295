# No selection, no MixUp3D
_base_ = '../monolss_dla34_{{$ABLATION_DATA:kitti}}.py'
train_dataloader = _base_.train_dataloader
train_dataloader.dataset.pipeline[0].prob = 0.0
model = dict(roi_head=dict(sample_selector=dict(_delete_=True, type='AllSamples')))
