# Multi-frame depth with MAL's temporal hint, fine-tuned from ManyDepth on KITTI.
_base_ = './mal_kitti.py'
model = dict(loss=dict(distil=False))
