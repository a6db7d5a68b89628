"""The ledger: all recorded histories, incidents and facts in memory; pages, API and metrics read it."""
