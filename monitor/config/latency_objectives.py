"""Latency objectives of products and checks: the share of answers that must be faster than a limit."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, Any, Final

from pydantic import AfterValidator, Field, PlainValidator, WithJsonSchema

from monitor.config.base import Model
from monitor.config.values import AS_TEXT, Duration, duration
from sla.interval import DAY
from sla.latency_objective import LatencyObjective
from sla.latency_terms import LatencyTerm
from sla.objective import Objective

if TYPE_CHECKING:
    from monitor.config.product import Product

_OBJECTIVE_PATTERN: Final = re.compile(r"\s*(.+?)\s+under\s+(.+?)\s*")
_FORM_TEXT: Final = 'specify a share and a limit, for example "95% under 400ms"'


def latency_objective(value: Any) -> LatencyObjective:
    """Parse a latency objective such as `95% under 400ms`.

    Raises:
        ValueError: the value has another form, or the share or the limit is not valid.
    """
    if isinstance(value, LatencyObjective):
        return value
    if not isinstance(value, str) or (parts := _OBJECTIVE_PATTERN.fullmatch(value)) is None:
        raise ValueError(f"not a latency objective; {_FORM_TEXT}")
    return LatencyObjective(Objective.parse(parts[1]), duration(parts[2]))


def _whole_days(length: int) -> int:
    if length % DAY or not DAY <= length <= 365 * DAY:
        raise ValueError("must be a whole number of days from 1d to 365d, because latencies are kept by day for a year")
    return length


LatencyField = Annotated[
    LatencyObjective,
    PlainValidator(latency_objective),
    AS_TEXT,
    WithJsonSchema({"type": "string", "examples": ["95% under 400ms", "99% under 2s"]}),
]


class LatencyObjectiveBlock(Model):
    """The share of the good responses that must be faster than a limit, over a window of days.

    A latency objective has its own budget: slow responses do not reduce availability.
    """

    latency: LatencyField
    """The share and the limit: `95% under 400ms`."""

    window: Annotated[Duration, AfterValidator(_whole_days)] = Field(30 * DAY)
    """The rolling window, in whole days from 1d to 365d. Its start is moved back to midnight."""

    def term(self, check: str = "") -> LatencyTerm:
        """Return the objective as part of a definition. `check` is the key of its check; empty: of the product."""
        return LatencyTerm(check, self.latency.objective.ratio, self.latency.limit, self.window)


def latency_terms(product: Product) -> tuple[LatencyTerm, ...]:
    """Return the latency objectives of the product and its checks as parts of its definition, in order."""
    terms = [block.term() for block in product.objectives]
    terms += [block.term(f"{product.id}/{check.id}") for check in product.checks for block in check.objectives]
    return tuple(sorted(terms))
