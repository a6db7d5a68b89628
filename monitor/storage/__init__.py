"""The record on disk: observations for a while, runs and incidents for ever. No arithmetic on uptime in here."""
