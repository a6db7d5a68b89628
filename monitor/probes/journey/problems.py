"""Errors of validation at a key of one step."""

from __future__ import annotations

from pydantic import ValidationError
from pydantic_core import InitErrorDetails

from monitor.config.values import problem_at


def step_problem(number: int, key: str, message: str) -> ValidationError:
    """Return an error for a validator of the check to raise. It is reported at the key of the step."""
    details = InitErrorDetails(type=problem_at(key, message), loc=("steps", number), input=None)
    return ValidationError.from_exception_data("steps", [details], hide_input=True)
