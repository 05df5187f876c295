# MonoLSS's detector on KITTI train/val, all ROI locations selected.
_base_ = [
    '../_base_/datasets/kitti_mono3d.py', '../_base_/models/monolss_dla34.py',
    '../_base_/schedules/monolss_600e.py', '../_base_/default_runtime.py'
]
custom_hooks = _base_.custom_hooks + [_base_.hierarchical_task]
