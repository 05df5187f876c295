"""mmengine metrics; importing this package registers them."""
from .kitti_ap_metric import KittiAPMetric
from .waymo_ap_metric import WaymoAPMetric

__all__ = ['KittiAPMetric', 'WaymoAPMetric']
