"""mmengine metrics; importing this package registers them."""
from .depth_error_metric import DepthErrorMetric
from .depth_metric import DepthMetric
from .kitti_ap_metric import KittiAPMetric
from .waymo_ap_metric import WaymoAPMetric

__all__ = ['DepthErrorMetric', 'DepthMetric', 'KittiAPMetric', 'WaymoAPMetric']
