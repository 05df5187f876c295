# A tenth of DLA-34, and what a training of minutes is given that the published recipes
# learn in hundreds of epochs: where boxes start, and 2D boxes that only 2D losses move.
# `model = dict(**_base_.slim, object_head=dict(...))` makes it of any model beside it.
slim_channels = (32, 64, 128, 256)
slim = dict(
    backbone=dict(type='SlimDLANet', out_indices=(1, 2, 3, 4), init_cfg=None),
    neck=dict(in_channels=slim_channels),
    dense_head=dict(
        in_channels=slim_channels[0], hidden_channels=64, prior_size_2d=(16.0, 10.0)),
    detach_boxes=True,
    # A short training leaves several peaks on near objects.
    test_cfg=dict(heatmap_threshold=0.05, score_threshold=0.0, nms_iou=0.5))
# The same help for 3D heads: the scale of the viewing rays, and a first guess of depth.
roi_help = dict(ray_scale=10.0)
depth_help = dict(prior_depth=30.0)
