"""Bundles: a report's figures with all that they are computed from, and their verification (docs/verify.md)."""
