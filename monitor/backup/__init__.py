"""Back up a record with its files while a daemon runs, and restore it."""
