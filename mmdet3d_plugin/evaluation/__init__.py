"""Metrics for mmengine. Importing this package registers them."""
from .depth_metric import DepthMetric
from .kitti_ap_metric import KittiAPMetric
from .object_depth_metric import ObjectDepthMetric
from .waymo_ap_metric import WaymoAPMetric

__all__ = ['DepthMetric', 'KittiAPMetric', 'ObjectDepthMetric', 'WaymoAPMetric']
