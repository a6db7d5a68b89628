"""Decide which notifications are due, keep them in the outbox, and deliver each until its receiver has taken it."""
