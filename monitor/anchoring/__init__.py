"""Anchors: copies of the record's heads where a person who edits the record cannot change them (docs/verify.md)."""
