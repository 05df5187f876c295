"""Names of the authors' MonoLSS, the other way round than the import renames them."""


def official_name(key):
    for ours, theirs in [('neck.', 'feat_up.'), ('object_head.depth_head.depth.', 'vis_depth.'),
                         ('object_head.depth_head.uncertainty.', 'vis_depth_uncer.'),
                         ('object_head.depth_head.logit.', 'attention.'), ('object_head.', ''),
                         ('dense_head.', ''), ('root.norm.', 'root.bn.'),
                         ('.norm1.', '.bn1.'), ('.norm2.', '.bn2.')]:
        key = key.replace(ours, theirs)
    return key
