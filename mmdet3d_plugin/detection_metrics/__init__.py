"""What KITTI's and Waymo's metrics share: overlaps, matching, integration."""
