# MonoDLE on the synthetic set alone.
_base_ = '../monodle/monodle_dla34_synthetic.py'
