"""Arithmetic over recorded observations. Nothing in here knows that a network, a disk or a clock exists."""
