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
        depth_head=dict(
            type='SelectedDepthHead',
            sample_selector=sample_selector,
            # MonoLSS's released code weighs the depth loss by 10.
            loss=dict(type='LaplacianAleatoricLoss', loss_weight=10.0))))
