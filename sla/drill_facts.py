"""Create and read the facts about drills: start, end, detection, recovery points, findings and signatures."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from sla.drill import (
    DRILL,
    Drill,
    DrillEnd,
    DrillKind,
    DrillRecord,
    DrillSource,
    Finding,
    RecoveryPoint,
    SignOff,
    as_seconds,
)
from sla.evidence import revocations
from sla.fact import Fact
from sla.interval import DAY, SECOND
from sla.window import format_instant, parse_instant

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

_DAY: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")

DRILL_END: Final = "drill_end"
DRILL_DETECTED: Final = "drill_detected"
DRILL_RECOVERY_POINT: Final = "drill_recovery_point"
DRILL_FINDING: Final = "drill_finding"
DRILL_FINDING_CLOSED: Final = "drill_finding_closed"
DRILL_SIGN_OFF: Final = "drill_sign_off"


def drill_end(drill: str, product: str, made: int, author: str, reason: str = "", at: int | None = None) -> Fact:
    """Return the fact that ends the drill at `at`, by default at the time of the statement."""
    body = {"drill": drill, "reason": reason, "at": format_instant(made if at is None else at)}
    return Fact.of(made, author, DRILL_END, product, body)


def drill_detected(drill: str, product: str, made: int, author: str, incident: str) -> Fact:
    """Return the fact that the monitor detected the outage by opening an incident of the product."""
    return Fact.of(made, author, DRILL_DETECTED, product, {"drill": drill, "incident": incident})


def drill_recovery_point(
    drill: str,
    product: str,
    made: int,
    author: str,
    length: int,
    source: str,
    bounds: tuple[int, int | None] | None = None,
) -> Fact:
    """Return the fact that a recovery point of `length` microseconds was measured. `source` is the method."""
    body: dict[str, Any] = {"drill": drill, "seconds": as_seconds(length), "source": source}
    if bounds is not None:
        body |= {"low_seconds": as_seconds(bounds[0]), "high_seconds": as_seconds(bounds[1])}
    return Fact.of(made, author, DRILL_RECOVERY_POINT, product, body)


def drill_finding(drill: str, product: str, made: int, author: str, text: str, owner: str, due: str) -> Fact:
    """Return the fact of a finding. `due` is a date: `2027-01-31`.

    Raises:
        ValueError: `due` is not a date.
    """
    _end_of_day(due)
    return Fact.of(made, author, DRILL_FINDING, product, {"drill": drill, "text": text, "owner": owner, "due": due})


def drill_finding_closed(drill: str, product: str, made: int, author: str, finding: str, reason: str) -> Fact:
    """Return the fact that a finding is closed."""
    body = {"drill": drill, "finding": finding, "reason": reason}
    return Fact.of(made, author, DRILL_FINDING_CLOSED, product, body)


def drill_sign_off(drill: str, product: str, made: int, author: str, note: str) -> Fact:
    """Return the fact that the author accepts the result of the drill."""
    return Fact.of(made, author, DRILL_SIGN_OFF, product, {"drill": drill, "note": note})


def drills(facts: Iterable[Fact], at: int) -> list[DrillRecord]:
    """Return the drills as of the instant, ordered by start, each with the statements up to then.

    Invalid facts and facts about unknown drills are ignored.
    """
    records: dict[str, DrillRecord] = {}
    past_facts = sorted((fact for fact in facts if fact.made <= at), key=lambda fact: (fact.made, fact.kind != DRILL))
    revoked = revocations(past_facts)
    for fact in past_facts:
        try:
            if fact.kind == DRILL:
                records[fact.id] = DrillRecord(fact.id, _drill(fact, fact.content()), revoked=revoked.get(fact.id))
            elif fact.kind in _READERS and (record := records.get(str((body := fact.content())["drill"]))) is not None:
                records[record.id] = _READERS[fact.kind](record, fact, body)
        except (KeyError, TypeError, ValueError, OverflowError):
            continue
    return sorted(records.values(), key=lambda record: (record.drill.started, record.id))


def open_drills(facts: Iterable[Fact], at: int) -> list[DrillRecord]:
    """Return the drills that have not ended at the instant."""
    return [drill for drill in drills(facts, at) if drill.end is None]


def drill_text(fact: Fact) -> str:
    """Return the statement of a fact about a drill as one line. Empty if the fact is of another kind or invalid."""
    try:
        body = fact.content()
        return _TEXTS[fact.kind].format_map(body) if fact.kind in _TEXTS else ""
    except (KeyError, TypeError, ValueError):
        return ""


def _drill(fact: Fact, body: Mapping[str, Any]) -> Drill:
    started = parse_instant(str(body["started"]))
    return Drill(
        fact.made,
        fact.author,
        fact.product,
        DrillKind(body["kind"]),
        _microseconds(body["rto_seconds"]),
        _microseconds(body["rpo_seconds"]),
        str(body["scenario"]),
        tuple(map(str, body["participants"])),
        DrillSource(body["source"]),
        started if started < fact.made else None,
    )


def _microseconds(seconds: float | None) -> int | None:
    if seconds is None:
        return None
    if seconds < 0:
        raise ValueError(f"a duration must be 0 or more: {seconds}")
    return round(seconds * SECOND)


def _end_of_day(day: str) -> int:
    """Return the first instant after the day in UTC."""
    if _DAY.fullmatch(day) is None:  # an ISO week date (2027-W05-1) has the same length
        raise ValueError(f'"{day}" is not a date; use the format 2027-01-31')
    return parse_instant(f"{day}T00:00:00Z") + DAY


def _add_end(record: DrillRecord, fact: Fact, body: Mapping[str, Any]) -> DrillRecord:
    """Add the end. Only the first end counts; its instant is clamped to [start, statement]."""
    at = max(record.drill.started, min(fact.made, parse_instant(str(body["at"]))))
    end = DrillEnd(at, fact.author, str(body["reason"]))
    return record if record.end is not None else replace(record, end=end)


def _add_detection(record: DrillRecord, fact: Fact, body: Mapping[str, Any]) -> DrillRecord:
    del body
    return record if record.detected is not None else replace(record, detected=fact.made)


def _add_recovery_point(record: DrillRecord, fact: Fact, body: Mapping[str, Any]) -> DrillRecord:
    length = _microseconds(body["seconds"])
    if length is None:
        return record
    low, high = _microseconds(body.get("low_seconds")), _microseconds(body.get("high_seconds"))
    bounds = None if low is None else (low, high)
    point = RecoveryPoint(length, str(body["source"]), fact.author, fact.made, bounds)
    return replace(record, points=(*record.points, point))


def _add_finding(record: DrillRecord, fact: Fact, body: Mapping[str, Any]) -> DrillRecord:
    day = str(body["due"])
    texts = str(body["text"]), str(body["owner"]), day
    return replace(
        record, findings=(*record.findings, Finding(fact.id, fact.made, fact.author, *texts, _end_of_day(day)))
    )


def _close_finding(record: DrillRecord, fact: Fact, body: Mapping[str, Any]) -> DrillRecord:
    name = str(body["finding"])
    findings = (
        replace(finding, closed=fact.made) if finding.id == name and finding.closed is None else finding
        for finding in record.findings
    )
    return replace(record, findings=tuple(findings))


def _add_sign_off(record: DrillRecord, fact: Fact, body: Mapping[str, Any]) -> DrillRecord:
    return replace(record, signed=(*record.signed, SignOff(fact.made, fact.author, str(body["note"]))))


_READERS: Final[Mapping[str, Callable[[DrillRecord, Fact, Mapping[str, Any]], DrillRecord]]] = {
    DRILL_END: _add_end,
    DRILL_DETECTED: _add_detection,
    DRILL_RECOVERY_POINT: _add_recovery_point,
    DRILL_FINDING: _add_finding,
    DRILL_FINDING_CLOSED: _close_finding,
    DRILL_SIGN_OFF: _add_sign_off,
}

_TEXTS: Final[Mapping[str, str]] = {
    DRILL: "drill started: {kind}; {source}",
    DRILL_END: "drill {drill} ended: {reason}",
    DRILL_DETECTED: "drill {drill}: incident {incident} opened",
    DRILL_RECOVERY_POINT: "drill {drill}: {seconds} s of data lost, measured by {source}",
    DRILL_FINDING: "drill {drill}: finding for {owner} until {due}: {text}",
    DRILL_FINDING_CLOSED: "drill {drill}: finding {finding} closed: {reason}",
    DRILL_SIGN_OFF: "drill {drill} signed off: {note}",
}
