"""Protocol implementations, and base classes of checks, that the probe kinds share."""
