"""The ledger: all recorded histories, incidents and facts in memory. Pages, API and metrics read it."""
