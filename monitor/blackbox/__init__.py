"""A drop-in replacement for Prometheus' blackbox_exporter, with its module file, `/probe` and metrics."""
