"""Bundles: a report's figures with the data that they are computed from, and their verification (docs/verify.md)."""
