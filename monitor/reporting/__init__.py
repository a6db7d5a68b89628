"""Reports: one document of figures, and the formats that it is written in."""
