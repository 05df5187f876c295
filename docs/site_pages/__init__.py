"""Pages of the documentation site that are made from the repository.

``docs/hooks.py`` connects these modules to MkDocs. None of them imports MkDocs, so the tests use
them without it.
"""
