"""Small helpers without a domain: files, angles, processes and command lines."""
