# NeWCRFs (Yuan et al., CVPR 2022) with Swin-L and the sizes of the released code.
# 270 M parameters.
_base_ = './depth_estimator.py'

model = dict(
    backbone=dict(
        type='mmdet.SwinTransformer',
        embed_dims=192,
        depths=(2, 2, 18, 2),
        num_heads=(6, 12, 24, 48),
        window_size=7,
        drop_path_rate=0.3,
        convert_weights=True,
        init_cfg=dict(
            type='Pretrained',
            checkpoint='https://github.com/SwinTransformer/storage/releases/download/v1.0.0/'
            'swin_large_patch4_window7_224_22k.pth')),
    decode_head=dict(
        type='NeWCRFsDecoder', in_channels=(192, 384, 768, 1536), channels=(128, 256, 512, 1024),
        pooled_channels=512, head_channels=32, window_size=7, grids=(1, 2, 3, 6)),
    # Released code: predictions of the image and of its mirror image are averaged.
    test_cfg=dict(flip=True))
