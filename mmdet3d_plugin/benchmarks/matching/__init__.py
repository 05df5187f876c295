"""Box overlaps, matching of detections to ground truth, and integration of curves."""
