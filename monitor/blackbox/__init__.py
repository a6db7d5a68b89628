"""A drop-in for Prometheus' blackbox_exporter: its module files and its metrics, made by our own probes."""
