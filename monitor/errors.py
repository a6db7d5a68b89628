"""Errors for users, with a remedy."""

from __future__ import annotations


class NinewatchError(Exception):
    """An error that a user can fix: one line with the cause and the remedy, printed without a traceback."""


class StoreError(NinewatchError):
    """The record cannot be opened or written."""


class StoreHeldError(StoreError):
    """Another process has the record open; the message names the process."""
