# Auxiliaries of depth-discriminative metric learning (NeurIPS 2023) on a detector's shared
# features. The constants are start values of this project, not the paper's. MonoLSS and
# MonoDLE have other weights of the loss (ddml_monolss.py, ddml_monodle.py).
quasi_isometric = dict(
    type='MetricAuxiliary',
    loss=dict(type='QuasiIsometricLoss', K=2.0, B=1.0, epsilon=10.0, loss_weight=0.1),
    # 'metric' takes depths as labelled. 'apparent' divides them by the scale of the crop.
    depth_space='metric')
object_depth = dict(
    type='ObjectDepthHead',
    in_channels=64,
    hidden_channels=64,
    loss=dict(type='LaplacianAleatoricLoss'),
    depth_space='metric')
