"""List what was stated about a product over time: definitions as differences, corrections, facts of other kinds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from monitor.journal import as_line
from sla.correction import Correction, Revocation
from sla.correction import read as read_correction
from sla.definition import Definition, differences
from sla.duration import format_duration
from sla.fact import CORRECTION, DEFINITION, REVOCATION, Fact
from sla.window import format_instant

if TYPE_CHECKING:
    from collections.abc import Iterator

    from monitor.facts import Facts

_LONGEST: Final = 200  # characters of a body of an unknown kind


@dataclass(frozen=True, slots=True)
class Entry:
    """A fact and what it changes, one line of text for each change."""

    fact: Fact
    changes: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        """Return it as the API and `ninewatch history --json` give it."""
        return as_line(self.fact) | {"changes": list(self.changes)}


def history(facts: Facts, product_id: str, since: int | None = None) -> list[Entry]:
    """Return the facts that concern the product by when they were made, those before `since` excluded.

    A fact that names no product concerns all, but for a revocation: it concerns the product of its correction.
    """
    return [each for each in _entries(facts, product_id) if since is None or each.fact.made >= since]


def is_known(facts: Facts, product_id: str) -> bool:
    """Return whether any fact names the product."""
    return any(facts.concern(fact, product_id) for fact in facts.all)


def _entries(facts: Facts, product_id: str) -> Iterator[Entry]:
    counted = {each.id: each for each in facts.definitions(product_id)}
    before: Definition | None = None
    corrections = {fact.id for fact in facts.all if fact.kind == CORRECTION and facts.concern(fact, product_id)}
    for fact in facts.all:
        if fact.kind == REVOCATION:
            if fact.content()["revokes"] in corrections:
                yield Entry(fact, (_stated(fact),))
        elif fact.kind == DEFINITION and facts.concern(fact, product_id):
            after = counted.get(fact.id)
            yield Entry(fact, _defined(before, after, fact))
            before = after or before
        elif fact.kind != DEFINITION and (not fact.product or facts.concern(fact, product_id)):
            yield Entry(fact, (_stated(fact) if fact.kind == CORRECTION else fact.body[:_LONGEST],))


def _defined(before: Definition | None, after: Definition | None, fact: Fact) -> tuple[str, ...]:
    if after is not None:
        return tuple(differences(before, after)) or ("no change of meaning",)
    try:
        Definition.read(fact)
    except ValueError:
        return (f"of a newer version: {fact.body[:_LONGEST]}",)
    return ("does not count: stamped by a wrong clock",)


def _stated(fact: Fact) -> str:
    """Return what a correction or a revocation states."""
    stated: Correction | Revocation = read_correction(fact)
    if isinstance(stated, Revocation):
        return f"{stated.correction} revoked: {stated.reason}"
    start, end = format_instant(stated.interval.start), format_instant(stated.interval.end)
    return f"{start}/{end} ({format_duration(stated.interval.length)}) excluded: {stated.reason}"
