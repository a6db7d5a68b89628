"""What machines read: metrics in Prometheus' text format, alert rules, dashboards."""
