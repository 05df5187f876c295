# Auxiliaries of depth-discriminative metric learning with the forms and the constants of the
# authors' released code (MIT licence), whose one recipe trains MonoDLE on KITTI.
quasi_isometric = dict(
    type='MetricAuxiliary',
    loss=dict(
        type='QuasiIsometricLoss', K=1.5, B=0.5, epsilon=10.0, form='released', tau=10.0,
        loss_weight=0.5),
    descriptor='pooled_cell',
    pool_size=5)
object_depth = dict(
    type='ObjectDepthHead',
    in_channels=64,
    hidden_channels=256,
    num_hidden_layers=1,
    target='bilinear',
    loss=dict(type='LaplacianAleatoricLoss'))
