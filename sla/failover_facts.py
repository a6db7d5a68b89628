"""Create and read the facts about site changes: the change of the active site, and the figures of the failover.

The monitor creates both. Figures of an ended failover are read from its fact, so they do not change later.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from sla.availability import Bounds
from sla.fact import Fact
from sla.failover import FailoverResult
from sla.interval import SECOND
from sla.sites import ChangeKind, SiteChange
from sla.window import format_instant, parse_instant

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

SITE_CHANGE: Final = "site_change"
FAILOVER_END: Final = "failover_end"


@dataclass(frozen=True, slots=True)
class FailoverRecord:
    """A recorded site change. `id` is the id of its fact, `made` when it was recorded.

    `result` are the recorded figures, None until they are final.
    """

    id: str
    product: str
    made: int
    change: SiteChange
    result: FailoverResult | None = None


def site_change_fact(change: SiteChange, product: str, made: int, author: str) -> Fact:
    """Return the fact that the active site of the product changed."""
    body = {
        "kind": change.kind.value,
        "from": change.source,
        "to": change.target,
        "left": format_instant(change.left),
        "arrived": format_instant(change.arrived),
    }
    return Fact.of(made, author, SITE_CHANGE, product, body)


def failover_end_fact(change: str, result: FailoverResult, product: str, made: int, author: str) -> Fact:
    """Return the fact of the final figures of a failover. `change` is the id of the fact of its site change."""
    return Fact.of(made, author, FAILOVER_END, product, {"change": change, **result.as_json()})


def failovers(facts: Iterable[Fact], at: int) -> list[FailoverRecord]:
    """Return the site changes as of the instant in chronological order, with the figures that were recorded until then.

    Invalid facts and figures of unknown changes are ignored.
    """
    records: dict[str, FailoverRecord] = {}
    known = (fact for fact in facts if fact.made <= at and fact.kind in (SITE_CHANGE, FAILOVER_END))
    for fact in sorted(known, key=lambda fact: (fact.made, fact.kind != SITE_CHANGE)):
        try:
            body = fact.content()
            if fact.kind == SITE_CHANGE:
                records[fact.id] = FailoverRecord(fact.id, fact.product, fact.made, _change(body))
            elif (record := records.get(str(body["change"]))) is not None and record.result is None:
                records[record.id] = replace(record, result=_result(body))
        except (KeyError, TypeError, ValueError, OverflowError):
            continue
    return sorted(records.values(), key=lambda record: (record.change.arrived, record.id))


def failover_text(fact: Fact) -> str:
    """Return the statement of a fact about a site change as one line. Empty if it is of another kind or invalid."""
    try:
        body = fact.content()
        if fact.kind == SITE_CHANGE:
            return "{kind} from {from} to {to}, between {left} and {arrived}".format_map(body)
        return "{change} ended: {reason}".format_map(body) if fact.kind == FAILOVER_END else ""
    except (KeyError, TypeError, ValueError):
        return ""


def _change(body: Mapping[str, Any]) -> SiteChange:
    left, arrived = (parse_instant(str(body[name])) for name in ("left", "arrived"))
    return SiteChange(ChangeKind(body["kind"]), str(body["from"]), str(body["to"]), left, arrived)


def _result(body: Mapping[str, Any]) -> FailoverResult:
    met = body["met"]
    if met is not None and not isinstance(met, bool):
        raise TypeError("met must be true, false or null")
    ended = None if body["ended"] is None else parse_instant(str(body["ended"]))
    duration, downtime = (_bounds(body[name]) for name in ("duration_seconds", "downtime_seconds"))
    return FailoverResult(
        parse_instant(str(body["started"])), ended, duration, downtime, True, met, str(body["reason"])
    )


def _bounds(figure: Mapping[str, float | None]) -> Bounds[int | None]:
    return Bounds(*(_microseconds(figure[name]) for name in ("low", "point", "high")))


def _microseconds(seconds: float | None) -> int | None:
    return None if seconds is None else round(seconds * SECOND)
