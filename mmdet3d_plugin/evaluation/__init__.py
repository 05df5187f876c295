"""mmengine metrics; importing this package registers them."""
from .kitti_ap_metric import KittiAPMetric

__all__ = ['KittiAPMetric']
