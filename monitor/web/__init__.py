"""The HTTP server: pages, API, metrics, pings, and /probe."""
