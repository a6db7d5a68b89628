"""A silence: a fact that mutes the notifications of a product or of one alert until an instant."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from sla.fact import Fact

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

SILENCE: Final = "silence"
RETRY: Final = "notification_retry"


@dataclass(frozen=True, slots=True)
class Silence:
    """Who mutes what until when, and why; instants are microseconds since the epoch.

    It covers all alerts about `product`, or the one alert of `key`; with neither, all alerts.
    """

    made: int
    author: str
    reason: str
    until: int
    product: str = ""
    key: str = ""

    def covers(self, key: str, product: str, now: int) -> bool:
        """Return whether the alert is muted at the instant; `until` itself is no longer in it."""
        return self.made <= now < self.until and self.product in ("", product) and self.key in ("", key)

    def fact(self) -> Fact:
        """Return it as a fact of the record."""
        body = {"reason": self.reason, "until": self.until, "key": self.key}
        return Fact.of(self.made, self.author, SILENCE, self.product, body)


def silences(facts: Iterable[Fact]) -> Iterator[Silence]:
    """Yield the silences among the facts; one that cannot be read mutes nothing."""
    for fact in facts:
        if fact.kind == SILENCE:
            body = fact.content()
            if isinstance(body, dict) and isinstance(body.get("until"), int):
                words = str(body.get("reason", "")), body["until"], fact.product, str(body.get("key", ""))
                yield Silence(fact.made, fact.author, *words)
