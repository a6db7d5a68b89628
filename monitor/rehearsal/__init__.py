"""Rehearsal: the notifications that a configuration would have led to over a recorded time (docs/rehearsal.md)."""
