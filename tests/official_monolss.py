"""Names of the authors' MonoLSS, the other way round than the import renames them."""


def official_name(key):
    for ours, theirs in [('neck.', 'feat_up.'), ('roi_head.depth.', 'vis_depth.'),
                         ('roi_head.uncertainty.', 'vis_depth_uncer.'),
                         ('roi_head.logit.', 'attention.'), ('roi_head.', ''),
                         ('dense_head.', ''), ('root.norm.', 'root.bn.'),
                         ('.norm1.', '.bn1.'), ('.norm2.', '.bn2.')]:
        key = key.replace(ours, theirs)
    return key
