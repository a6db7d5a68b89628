"""Grafana dashboards, made with grafana-foundation-sdk when files are generated; the daemon does not import them."""
