"""Metrics for mmengine. Importing this package registers them."""
from .depth_metric import DepthMetric
from .instance_depth_metric import InstanceDepthMetric
from .kitti_ap_metric import KittiAPMetric
from .object_depth_metric import ObjectDepthMetric
from .pose_metric import PoseMetric
from .retrieval_metric import RetrievalMetric
from .table_metric import TableMetric
from .waymo_ap_metric import WaymoAPMetric

__all__ = [
    'DepthMetric', 'InstanceDepthMetric', 'KittiAPMetric', 'ObjectDepthMetric', 'PoseMetric',
    'RetrievalMetric', 'TableMetric', 'WaymoAPMetric'
]
