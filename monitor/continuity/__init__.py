"""The continuity probe: synthetic transactions that stay open, finish after a failover, and are read back."""
