"""Fuzzing with coverage feedback (atheris): `python -m tests.fuzz`, in a step of `.ci/run`."""
