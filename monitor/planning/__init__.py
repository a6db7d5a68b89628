"""What a design may do in single years: the simulation behind `ninewatch plan`. The exact algebra is in `sla`."""
