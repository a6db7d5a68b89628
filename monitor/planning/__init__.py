"""`ninewatch plan`: simulate single years of a design, and format the result. The exact algebra is in `sla`."""
