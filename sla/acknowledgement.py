"""Acknowledgements of alerts, recorded as facts: who handles the alert, and by which channel they confirmed it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from sla.fact import Fact

if TYPE_CHECKING:
    from collections.abc import Iterable

ACKNOWLEDGEMENT: Final = "acknowledgement"


class Via(StrEnum):
    """The channel of an acknowledgement: a command, the API, the link in a message, or another service."""

    COMMAND = "command"
    API = "api"
    LINK = "link"
    PAGERDUTY = "pagerduty"
    SLACK = "slack"
    TEAMS = "teams"


@dataclass(frozen=True, slots=True)
class Acknowledgement:
    """An acknowledgement of the alert of `key`, made at `made` (microseconds since the epoch).

    `by` is the person. `author` is the name of the token or service that wrote the fact, empty if the person wrote it.
    `incident` is the id of the product incident, empty for other alerts. `product` is empty for an alert about the
    monitor itself. `via` is one of `Via`, or the text of a newer version.
    """

    made: int
    key: str
    by: str
    via: str
    product: str = ""
    incident: str = ""
    author: str = ""

    @property
    def id(self) -> str:
        """The id of the fact that records the acknowledgement."""
        return self.fact().id

    def fact(self) -> Fact:
        """Return the acknowledgement as a fact of the record."""
        body = {"key": self.key, "incident": self.incident, "by": self.by, "via": str(self.via)}
        return Fact.of(self.made, self.author or self.by, ACKNOWLEDGEMENT, self.product, body)


def acknowledgements(facts: Iterable[Fact]) -> list[Acknowledgement]:
    """Return the acknowledgements among the facts, in the order of the facts. Invalid ones are skipped."""
    return [
        acknowledgement
        for fact in facts
        if fact.kind == ACKNOWLEDGEMENT and (acknowledgement := _read(fact)) is not None
    ]


def _read(fact: Fact) -> Acknowledgement | None:
    body = fact.content()
    if not isinstance(body, dict) or not isinstance(body.get("key"), str) or not body["key"]:
        return None
    by, via, incident = (str(body.get(name, "")) for name in ("by", "via", "incident"))
    author = "" if by == fact.author else fact.author
    return Acknowledgement(fact.made, body["key"], by or fact.author, via, fact.product, incident, author if by else "")
