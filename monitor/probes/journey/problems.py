"""Create validation errors for a key of a step or check."""

from __future__ import annotations

from pydantic import ValidationError
from pydantic_core import InitErrorDetails

from monitor.config.values import problem_at


def step_problem(number: int, key: str, message: str) -> ValidationError:
    """Return an error for a validator of the check to raise. It is reported at the key of the step."""
    return _problem(message, key, ("steps", number))


def check_problem(message: str, key: str) -> ValidationError:
    """Return an error at a key of the check."""
    return _problem(message, key, ())


def _problem(message: str, key: str, loc: tuple[str | int, ...]) -> ValidationError:
    details = InitErrorDetails(type=problem_at(key, message), loc=loc, input=None)
    return ValidationError.from_exception_data("steps", [details], hide_input=True)
