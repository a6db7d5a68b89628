"""What the daemon serves over HTTP: pages, API, metrics, pings, and /probe."""
