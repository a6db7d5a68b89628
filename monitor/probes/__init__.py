"""Probe kinds, one module each, and their registry."""
