"""Shipped configs as base configs, from any folder.

Importing this module teaches mmengine the notation that it has for the configs of OpenMMLab::

    _base_ = 'mmdet3d_plugin::gupnet/gupnet_dla34_synthetic.py'
"""
from typing import Optional, Tuple

from mmengine.config import Config

from ..utils.config_names import PACKAGE, shipped_configs

PREFIX = f'{PACKAGE.name}::'
_path_of_other_base = Config._get_cfg_path


def path_of_base(name: str, filename: str) -> Tuple[str, Optional[str]]:
    """Return the file of a base config, and its registry scope.

    Args:
        name: entry of ``_base_``: a path relative to the folder of the config; or the name of a
            package, ``::``, and a path relative to the configs of the package.
        filename: file of the config.

    Returns:
        The file; and the scope, which is None for a config of this package and for a path.

    Example:
        >>> file, scope = path_of_base('mmdet3d_plugin::pgd/pgd_dla34_kitti.py', 'mine/config.py')
        >>> file.endswith('/configs/pgd/pgd_dla34_kitti.py'), scope
        (True, None)
        >>> path_of_base('../other.py', 'mine/config.py')
        ('mine/../other.py', None)
    """
    if name.startswith(PREFIX):
        return str(shipped_configs() / name[len(PREFIX):]), None
    return _path_of_other_base(name, filename)


Config._get_cfg_path = staticmethod(path_of_base)
