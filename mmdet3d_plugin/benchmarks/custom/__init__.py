"""Own labels in one JSON file."""
