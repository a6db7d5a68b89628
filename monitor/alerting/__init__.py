"""Decide which notifications are due, keep them in the outbox, and send each of them until its receiver confirms it."""
