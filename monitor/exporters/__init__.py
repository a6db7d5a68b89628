"""Prometheus metrics, alert rules and the dashboard."""
