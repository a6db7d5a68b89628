"""Probe kinds: one file each, and one registry."""
