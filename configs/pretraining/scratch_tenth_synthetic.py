# MonoLSS from scratch, a tenth of the frames of the synthetic set.
_base_ = './scratch_all_synthetic.py'
# Every tenth frame, from the frame whose number is the seed. Frames are independent scenes, so
# that each seed trains on 24 random frames of its own. An epoch shows each frame ten times: the
# number of iterations is that of all frames.
tenth = list(range(int('{{$ABLATION_SEED:0}}') % 10, 240, 10))
train_dataloader = dict(dataset=dict(dataset=dict(indices=10 * tenth)))
