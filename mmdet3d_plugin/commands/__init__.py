"""Commands behind ``tools/``: one file per command, and the parts that they share."""
