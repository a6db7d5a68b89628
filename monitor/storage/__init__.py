"""The record on disk: observations for their retention, runs and incidents for ever."""
