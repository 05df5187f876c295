# Slim network and start values for trainings of minutes on a CPU.
# A config merges them into the model beside this file:
# model = dict(**_base_.slim, object_head=dict(...)).
slim_channels = (32, 64, 128, 256)
slim = dict(
    backbone=dict(type='SlimDLANet', out_indices=(1, 2, 3, 4), init_cfg=None),
    neck=dict(in_channels=slim_channels),
    # The published recipes learn the mean 2D box size over hundreds of epochs. Here it is given.
    dense_head=dict(
        in_channels=slim_channels[0], hidden_channels=64, prior_size_2d=(16.0, 10.0)),
    # 3D losses do not change the predicted 2D boxes.
    detach_boxes=True,
    # After a short training, near objects have several peaks.
    test_cfg=dict(heatmap_threshold=0.05, score_threshold=0.0, nms_iou=0.5))
# Start values of the 3D head: scale of the viewing rays, and mean depth in metres.
roi_help = dict(ray_scale=10.0)
depth_help = dict(prior_depth=30.0)
