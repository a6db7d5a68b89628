"""Anchors: heads of the record in places that whoever edits the record cannot change (docs/verify.md)."""
