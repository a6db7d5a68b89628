"""Mutation testing: change one thing in the code, and expect a test to fail. `python -m tests.mutation` runs it."""
