"""Pauses: facts that temporarily stop the probes of a check or of all checks of a product.

A paused check stays a member of its product. Its time is unknown, so it is never downtime (measurement.md, section 3).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from sla.definition import AUTHOR
from sla.fact import Fact
from sla.interval import Interval

if TYPE_CHECKING:
    from collections.abc import Iterable

PAUSE: Final = "pause"
PAUSE_END: Final = "pause_end"
FOREVER: Final = 2**62  # microseconds; later than any instant


@dataclass(frozen=True, slots=True)
class Pause:
    """A pause from `made` to `until` (None: until a person ends it), in microseconds since the epoch.

    `check` is the key `product/check`, empty for all checks of the product. `ended` is the instant of an early end, or
    None. `id` is the id of its fact.
    """

    product: str
    check: str
    made: int
    until: int | None
    author: str
    reason: str
    ended: int | None = None
    id: str = ""

    def fact(self) -> Fact:
        """Return the pause as a fact of the record, without its early end."""
        body = {"check": self.check, "until": self.until, "reason": self.reason}
        return Fact.of(self.made, self.author, PAUSE, self.product, body)

    @property
    def interval(self) -> Interval:
        """The paused time; empty if the pause was ended at its start."""
        ends = [end for end in (self.until, self.ended) if end is not None]
        return Interval(self.made, max(self.made, min(ends, default=FOREVER)))

    @property
    def configured(self) -> bool:
        """Whether the configuration pauses the check, by `enabled: false`."""
        return self.author == AUTHOR

    def covers(self, check: str, at: int) -> bool:
        """Return whether a check of the product is paused at the instant. The end is exclusive."""
        span = self.interval
        return self.check in ("", check) and span.start <= at < span.end


def pause_end(pause: Pause, made: int, author: str, reason: str) -> Fact:
    """Return the fact that ends the pause at the instant."""
    return Fact.of(made, author, PAUSE_END, pause.product, {"pause": pause.id or pause.fact().id, "reason": reason})


def pauses(facts: Iterable[Fact]) -> list[Pause]:
    """Return the pauses in the order of their facts, each with its earliest end. Invalid facts are ignored."""
    by_id: dict[str, Pause] = {}
    ends: dict[str, int] = {}
    for fact in facts:
        body = fact.content() if fact.kind in (PAUSE, PAUSE_END) else None
        if not isinstance(body, dict):
            continue
        if fact.kind == PAUSE_END:
            name = str(body.get("pause"))
            ends[name] = min(fact.made, ends.get(name, fact.made))
        elif (until := body.get("until")) is None or isinstance(until, int):
            check, reason = str(body.get("check", "")), str(body.get("reason", ""))
            by_id[fact.id] = Pause(fact.product, check, fact.made, until, fact.author, reason, id=fact.id)
    return [replace(pause, ended=ends.get(name)) for name, pause in by_id.items()]
