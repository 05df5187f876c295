"""Clips: lists of frames, camera poses, tracks of road users and instance maps."""
