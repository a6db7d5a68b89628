"""`ninewatch measure`: any log of outcomes, read in columns, folded exactly and handed to `sla`."""
