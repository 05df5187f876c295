"""Square crops of rendered vehicles of many identities, in class folders.

The crops train and test embeddings: an identity is a class.
"""
from .bodywork import vehicle_mesh
from .models import VehicleModel, sample_model
from .views import View, sample_view
from .writer import VehicleSet, write_vehicle_set

__all__ = [
    'VehicleModel', 'VehicleSet', 'View', 'sample_model', 'sample_view', 'vehicle_mesh',
    'write_vehicle_set'
]
