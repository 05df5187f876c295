"""The Waymo Open Dataset's release, as files and as a metric; numpy only."""
