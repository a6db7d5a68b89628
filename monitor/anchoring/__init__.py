"""Anchors: copies of the record's heads in places that an editor of the record cannot change (docs/verify.md)."""
