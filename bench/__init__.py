"""Measurements, each one command: `make bench`. Absolute figures drift on shared machines; read the ratios."""
