"""Box overlaps, matching of detections to labels, and areas under precision curves."""
