"""Bundles: a report's figures with the underlying data, and their verification (docs/verify.md)."""
