"""Contents of small sets for the tests of the writer."""
from mmdet3d_plugin.synthetic import SyntheticSet

SMALL = SyntheticSet(num_train=4, num_val=2, seed=1, width=320, height=96)
SMALL_CLIPS = SyntheticSet(num_train=4, num_val=2, seed=1, width=160, height=48,
                           sequence_length=2)
