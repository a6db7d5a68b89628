"""Reaching a target: names, addresses, the policy, connections, TLS, and whose fault it is when that fails."""
