"""The Waymo Open Dataset: its Parquet release, converted sets, and its metric."""
