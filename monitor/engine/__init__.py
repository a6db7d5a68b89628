"""When and how probes are made, and what becomes of their results."""
