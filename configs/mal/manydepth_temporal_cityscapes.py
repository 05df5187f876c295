# Multi-frame depth with MAL's temporal hint, fine-tuned from ManyDepth on Cityscapes.
_base_ = './mal_cityscapes.py'
model = dict(loss=dict(distil=False))
