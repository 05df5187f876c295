"""Small helpers without a domain: files and command lines."""
