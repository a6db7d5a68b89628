"""Receivers of notifications: one file per kind and one line in `registry.py`."""
