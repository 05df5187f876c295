"""Parameter names of the authors' code of MonoDLE, GUPNet, DID-M3D and MonoLSS."""

# Name here -> name in the authors' code, for the parts of the detector.
PARTS = dict(
    monodle={'object_head.depth_head.depth': 'depth'},
    gupnet={'neck': 'feat_up', 'object_head.depth_head.correction': 'depth'},
    didm3d={
        'neck': 'feat_up',
        'object_head.depth_head.visual': 'vis_depth',
        'object_head.depth_head.visual_uncertainty': 'vis_depth_uncer',
        'object_head.depth_head.attribute': 'att_depth',
        'object_head.depth_head.attribute_uncertainty': 'att_depth_uncer'},
    monolss={
        'neck': 'feat_up',
        'object_head.depth_head.depth': 'vis_depth',
        'object_head.depth_head.uncertainty': 'vis_depth_uncer',
        'object_head.depth_head.logit': 'attention'})


def official_name(key, method):
    """Return the authors' name of a parameter; the inverse of ``tools/import_checkpoint.py``."""
    for ours, theirs in PARTS[method].items():
        if key.startswith(f'{ours}.'):
            key = theirs + key[len(ours):]
    for ours, theirs in [('object_head.', ''), ('dense_head.', ''), ('root.norm.', 'root.bn.'),
                         ('.norm1.', '.bn1.'), ('.norm2.', '.bn2.')]:
        key = key.replace(ours, theirs)
    return key
