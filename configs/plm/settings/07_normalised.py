# Similarities of each anchor reach 1 at the nearest point
_base_ = './01_literal.py'
model = dict(loss=dict(normalize_similarity=True))
