"""Generate the Grafana dashboards with grafana-foundation-sdk. The daemon does not import this package."""
