"""Waymo: converter of the Parquet release, result files, AP and APH."""
