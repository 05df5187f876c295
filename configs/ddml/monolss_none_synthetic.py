# MonoLSS on the synthetic set alone.
_base_ = '../monolss/monolss_dla34_synthetic.py'
