"""Tests of the part of the API that writes."""
