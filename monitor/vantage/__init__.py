"""Detect from the answers of references that this vantage cannot observe, and mark its bad outcomes as unknown."""
