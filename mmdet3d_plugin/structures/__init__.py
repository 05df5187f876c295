"""Object table and camera geometry on numpy, shared by all rooms."""
