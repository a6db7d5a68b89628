"""Tests of `ninewatch doctor`."""
