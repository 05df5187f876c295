# Delta = sqrt(2), learning rate 3e-4, similarities reach 1 at the nearest point
_base_ = './13_delta_sqrt2_fast.py'
model = dict(loss=dict(normalize_similarity=True))
