# MonoCon on the synthetic set alone.
_base_ = '../monocon/monocon_dla34_synthetic.py'
