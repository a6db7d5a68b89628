"""Detect by references that this vantage cannot observe, and then mark its bad outcomes as unknown."""
