"""Schedule and make probes, and record their results."""
