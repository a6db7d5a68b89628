"""Compute figures from recorded observations, without access to a network, a disk or a clock."""
