"""Errors with a remedy for people."""

from __future__ import annotations


class NinewatchError(Exception):
    """An error that a person can fix: one line with the cause and the remedy. Never shown as a traceback."""


class StoreError(NinewatchError):
    """The record cannot be opened or written."""


class StoreHeldError(StoreError):
    """Another process has the record open; the message says which."""
