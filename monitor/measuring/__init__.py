"""`ninewatch measure`: parse a log of outcomes, fold it into runs and compute its figures with `sla`."""
