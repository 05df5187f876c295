# Default with similarities that reach 1 at the nearest point
_base_ = './13_default.py'
model = dict(loss=dict(normalize_similarity=True))
