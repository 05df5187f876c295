"""Roadside cameras: DAIR-V2X and Rope3D."""
