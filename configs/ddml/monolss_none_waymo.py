# MonoLSS on Waymo alone.
_base_ = '../monolss/monolss_dla34_waymo.py'
