"""Rehearsal: the notifications that a configuration would have sent in a recorded time span (docs/rehearsal.md)."""
