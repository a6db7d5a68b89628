"""Errors that a person can act on."""

from __future__ import annotations


class NinewatchError(Exception):
    """Something a person can mend: one clear line that names the culprit and the remedy. Never shown as a traceback."""


class StoreError(NinewatchError):
    """The record cannot be opened or written."""


class StoreHeldError(StoreError):
    """Another process has the record open; the message says which."""
