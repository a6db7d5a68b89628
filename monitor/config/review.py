"""The review cycle of a product's objectives."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import PlainValidator, WithJsonSchema

from monitor.config.base import Model
from monitor.config.values import Text, duration
from sla.interval import DAY

_LONGEST = 10 * 366 * DAY


def _cycle(value: Any) -> int:
    length = duration(value)
    if not DAY <= length <= _LONGEST:
        raise ValueError("a review cycle is between one day and ten years; use 90d")
    return length


Cycle = Annotated[int, PlainValidator(_cycle), WithJsonSchema({"type": "string", "examples": ["90d", "365d"]})]


class ReviewBlock(Model):
    """The owner of the objectives and the time between two reviews."""

    every: Cycle
    """Longest time between two reviews: `90d`. Before the first review, it counts from the first definition."""

    owner: Text
    """The person, role or team that owns the objectives and reviews them."""
