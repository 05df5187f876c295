# MonoLSS (Li et al., 3DV 2024). Depth is predicted at each ROI location. Learnable Sample
# Selection chooses the locations that train depth.
_base_ = './center_dla34.py'

# Sample selection: MonoLSS, section 3.2, with the constants of its released code.
# dict(type='AllSamples') in its place trains all locations.
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
            # Released code: the depth loss has weight 10.
            loss=dict(type='LaplacianAleatoricLoss', loss_weight=10.0))))
