"""Overrides of the release gate: facts with which a person sets a product's answer until an instant."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from sla.fact import Fact
from sla.window import format_instant, parse_instant

if TYPE_CHECKING:
    from collections.abc import Iterable

GATE_OVERRIDE: Final = "gate_override"
GATE_OVERRIDE_END: Final = "gate_override_end"
ANSWERS: Final = ("go", "hold")


@dataclass(frozen=True, slots=True)
class GateOverride:
    """The answer that `author` set for a product until an instant. Instants are microseconds since the epoch."""

    made: int
    author: str
    reason: str
    product: str
    answer: str
    until: int

    @property
    def id(self) -> str:
        """The id of the fact that records the override."""
        return self.fact().id

    @property
    def text(self) -> str:
        """The override as one line: author, end and reason."""
        return f"overridden by {self.author} until {format_instant(self.until)}: {self.reason}"

    def fact(self) -> Fact:
        """Return the override as a fact of the record."""
        body = {"answer": self.answer, "until": format_instant(self.until), "reason": self.reason}
        return Fact.of(self.made, self.author, GATE_OVERRIDE, self.product, body)

    def as_json(self) -> dict[str, Any]:
        """Return the object of the API."""
        return {
            "id": self.id,
            "answer": self.answer,
            "author": self.author,
            "reason": self.reason,
            "made": format_instant(self.made),
            "until": format_instant(self.until),
        }


def gate_override_end(override: GateOverride, made: int, author: str, reason: str) -> Fact:
    """Return the fact that ends the override at the instant."""
    return Fact.of(made, author, GATE_OVERRIDE_END, override.product, {"override": override.id, "reason": reason})


def as_override(fact: Fact) -> GateOverride | None:
    """Read an override from a fact. None if the fact has another kind or is invalid."""
    if fact.kind != GATE_OVERRIDE:
        return None
    body = fact.content()
    try:
        answer, until, reason = body["answer"], parse_instant(str(body["until"])), str(body["reason"])
    except (KeyError, TypeError, ValueError, OverflowError):
        return None
    return GateOverride(fact.made, fact.author, reason, fact.product, answer, until) if answer in ANSWERS else None


def ended_override(fact: Fact) -> str:
    """Return the id of the override that the fact ends. Empty for a fact of another kind."""
    body = fact.content() if fact.kind == GATE_OVERRIDE_END else None
    return str(body.get("override")) if isinstance(body, dict) else ""


def stated_overrides(facts: Iterable[Fact]) -> list[tuple[GateOverride, int]]:
    """Return the overrides, oldest first, each with its end: `until`, or an earlier end by a person."""
    overrides: dict[str, tuple[GateOverride, int]] = {}
    for fact in facts:
        if (override := as_override(fact)) is not None:
            overrides[fact.id] = override, override.until
        elif (ended := ended_override(fact)) in overrides:
            overrides[ended] = overrides[ended][0], min(overrides[ended][1], fact.made)
    return list(overrides.values())


def in_force(stated: Iterable[tuple[GateOverride, int]], now: int) -> list[GateOverride]:
    """Return the overrides in force at the instant, oldest first. Of several for a product, the newest applies."""
    return [override for override, end in stated if override.made <= now < end]
