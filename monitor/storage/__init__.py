"""The record on disk: observations for the retention time, runs and incidents forever."""
