"""Statutory holidays of BC and Canada, from the library or from the bundle of a report."""

from __future__ import annotations

import contextlib
import datetime as dt
from contextvars import ContextVar
from functools import lru_cache
from typing import TYPE_CHECKING

import holidays as statutory

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

Days = tuple[tuple[dt.date, str], ...]

# By place and year: used instead of the library's holidays, which may change with its version.
_OVERRIDE: ContextVar[Mapping[tuple[str, int], Days] | None] = ContextVar("holidays of a bundle", default=None)


def holidays(place: str, year: int) -> Days:
    """Return the holidays of `BC` or `Canada` in the year, with their names, in order."""
    override = _OVERRIDE.get()
    return _of_library(place, year) if override is None else override.get((place, year), ())


@contextlib.contextmanager
def override_holidays(days: Mapping[tuple[str, int], Days]) -> Iterator[None]:
    """Use these holidays, by place and year, instead of the library's in the `with` block."""
    token = _OVERRIDE.set(days)
    try:
        yield
    finally:
        _OVERRIDE.reset(token)


@lru_cache(maxsize=512)
def _of_library(place: str, year: int) -> Days:
    days = statutory.country_holidays("CA", subdiv="BC" if place == "BC" else None, years=year)
    return tuple(sorted(days.items()))
