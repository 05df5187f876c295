# MonoLSS (Li et al., 3DV 2024): depth at every ROI location, of which those that fit
# learn.
_base_ = './center_dla34.py'

# Which ROI locations learn to regress depth: MonoLSS, section 3.2, with the constants
# of its released code. dict(type='AllSamples') in its place selects nothing.
sample_selector = dict(
    type='LearnableSampleSelector',
    tau=1.0,
    ratio_threshold=1000.0,
    legacy_divider=True,
    loss_factor=10.0)

model = dict(
    object_head=dict(
        type='ObjectHead3D',
        in_channels=_base_.feature_channels,
        hidden_channels=_base_.hidden_channels,
        extractor=_base_.roi_extractor,
        heading_coder=_base_.heading_coder,
        depth_head=dict(
            type='SelectedDepthHead',
            sample_selector=sample_selector,
            # MonoLSS's released code weighs the depth loss by 10.
            loss=dict(type='LaplacianAleatoricLoss', loss_weight=10.0)),
        loss_size_3d=dict(type='mmdet.L1Loss'),
        loss_offset_3d=dict(type='mmdet.L1Loss'),
        loss_heading=dict(type='HeadingBinLoss')))
