"""Small helpers that know no benchmark: files, image headers and child processes."""
