# Depth-discriminative metric learning (NeurIPS 2023): auxiliaries of a detector's
# shared features. The constants are start values of this project; the paper's text
# at hand gives none.
quasi_isometric = dict(
    type='MetricAuxiliary',
    loss=dict(type='QuasiIsometricLoss', K=2.0, B=1.0, epsilon=10.0, loss_weight=0.1),
    # Labels hold metres whatever the crop's scale; 'apparent' divides them by it.
    depth_space='metric')
object_depth = dict(
    type='ObjectDepthHead',
    in_channels=64,
    hidden_channels=64,
    loss=dict(type='LaplacianAleatoricLoss'),
    depth_space='metric')
