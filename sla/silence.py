"""Silences: facts that mute the notifications of a product or of one alert until an instant."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from sla.fact import Fact

if TYPE_CHECKING:
    from collections.abc import Iterable

SILENCE: Final = "silence"
SILENCE_END: Final = "silence_end"
RETRY: Final = "notification_retry"


@dataclass(frozen=True, slots=True)
class Silence:
    """A silence with author and reason. Instants are in microseconds since the epoch.

    It covers all alerts about `product`, or only the alert of `key`. If both are empty, it covers all alerts.
    """

    made: int
    author: str
    reason: str
    until: int
    product: str = ""
    key: str = ""

    @property
    def id(self) -> str:
        """The id of the fact that records the silence."""
        return self.fact().id

    def covers(self, key: str, product: str, now: int) -> bool:
        """Return whether the alert is muted at the instant. `until` is exclusive."""
        return self.made <= now < self.until and self.product in ("", product) and self.key in ("", key)

    def fact(self) -> Fact:
        """Return the silence as a fact of the record."""
        body = {"reason": self.reason, "until": self.until, "key": self.key}
        return Fact.of(self.made, self.author, SILENCE, self.product, body)


def silence_end(silence: str, made: int, author: str) -> Fact:
    """Return the fact that ends the silence with this id at the instant."""
    return Fact.of(made, author, SILENCE_END, "", {"silence": silence})


def silences(facts: Iterable[Fact]) -> list[Silence]:
    """Return the silences among the facts that were not ended by a person. Invalid facts are ignored."""
    by_id: dict[str, Silence] = {}
    ended: set[str] = set()
    for fact in facts:
        if fact.kind not in (SILENCE, SILENCE_END):
            continue
        body = fact.content()
        if not isinstance(body, dict):
            continue
        if fact.kind == SILENCE_END:
            ended.add(str(body.get("silence")))
        elif isinstance(body.get("until"), int):
            fields = str(body.get("reason", "")), body["until"], fact.product, str(body.get("key", ""))
            by_id[fact.id] = Silence(fact.made, fact.author, *fields)
    return [silence for silence_id, silence in by_id.items() if silence_id not in ended]
