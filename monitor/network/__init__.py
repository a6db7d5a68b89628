"""Connect to targets: name lookup, address policy, connections, TLS, and the reason and outcome of failures."""
