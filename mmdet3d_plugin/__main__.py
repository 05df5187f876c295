"""``python -m mmdet3d_plugin COMMAND [options]``, the same as ``mono3d``."""
from .cli.mono3d import main

if __name__ == '__main__':
    main()
