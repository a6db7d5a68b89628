"""Protocol implementations and base classes of checks, shared by the probe kinds."""
