"""Reports: a document of figures, and its output formats."""
