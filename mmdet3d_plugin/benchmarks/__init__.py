"""Benchmarks: file formats, folder checks and official metrics, on numpy without torch."""
