"""Benchmarks: file formats, folder checks, official rules and figures; numpy, no torch."""
