"""Convert runs, observations, incidents, facts, exclusions and latencies to JSON lines of a bundle, and back.

Instants are in microseconds. The functions `*_of` raise KeyError, TypeError or ValueError for invalid lines.
"""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

from sla.exclusion import Cause, Exclusion
from sla.fact import Fact, canonical
from sla.incident import Failure, Incident
from sla.interval import Interval
from sla.latency_day import LatencyDay
from sla.latency_histogram import LatencyHistogram
from sla.observation import Observation, Outcome, Run

if TYPE_CHECKING:
    from collections.abc import Mapping

Plain = dict[str, Any]


def run_row(run: Run) -> Plain:
    """Return a run as a line."""
    return {
        "check": run.check,
        "vantage": run.vantage,
        "outcome": run.outcome.value,
        "reason": run.reason,
        "first_us": run.first,
        "last_us": run.last,
        "count": run.count,
        "hold_us": run.hold,
        "latency_us": [run.latency_count, run.latency_sum, run.latency_max],
        "seeded": run.seeded,
    } | ({"recheck": True} if run.recheck else {})


def run_of(row: Mapping[str, Any]) -> Run:
    """Return the run of a line."""
    known, total, maximum = map(_integer, row["latency_us"])
    first, last, count, hold = (_integer(row[name]) for name in ("first_us", "last_us", "count", "hold_us"))
    if not 0 <= first <= last or count < 1 or hold < 0:
        raise ValueError("the run ends before it begins, or has no observations")
    check, vantage, seeded = _text(row["check"]), _text(row["vantage"]), row["seeded"] is True
    outcome, reason = Outcome(row["outcome"]), _text(row["reason"])
    recheck = row.get("recheck") is True
    return Run(check, outcome, reason, first, last, count, hold, known, total, maximum, vantage, seeded, recheck)


def observation_row(observation: Observation) -> Plain:
    """Return an observation as a line."""
    return {
        "check": observation.check,
        "vantage": observation.vantage,
        "at_us": observation.at,
        "outcome": observation.outcome.value,
        "reason": observation.reason,
        "latency_us": observation.latency,
    } | ({"recheck": True} if observation.recheck else {})


def observation_of(row: Mapping[str, Any]) -> Observation:
    """Return the observation of a line."""
    latency = None if row["latency_us"] is None else _integer(row["latency_us"])
    check, vantage, reason = (_text(row[name]) for name in ("check", "vantage", "reason"))
    at, recheck = _integer(row["at_us"]), row.get("recheck") is True
    return Observation(check, at, Outcome(row["outcome"]), reason, latency, vantage, recheck)


def incident_row(incident: Incident) -> Plain:
    """Return an incident as a line."""
    return {
        "id": incident.id,
        "product": incident.product,
        "check": incident.check,
        "opened_us": incident.opened,
        "resolved_us": incident.resolved,
        "reason": incident.reason,
        "downtime_us": incident.downtime,
        "first": None if incident.first is None else _failure_row(incident.first),
        "last": None if incident.last is None else _failure_row(incident.last),
    }


def incident_of(row: Mapping[str, Any]) -> Incident:
    """Return the incident of a line."""
    resolved, downtime = (None if row[n] is None else _integer(row[n]) for n in ("resolved_us", "downtime_us"))
    first, last = (None if row[name] is None else _failure(row[name]) for name in ("first", "last"))
    id_, product, check, reason = (_text(row[name]) for name in ("id", "product", "check", "reason"))
    return Incident(id_, product, check, _integer(row["opened_us"]), resolved, reason, downtime, first, last)


def _failure_row(failure: Failure) -> Plain:
    return {
        "at_us": failure.at,
        "reason": failure.reason,
        "status": failure.status,
        "detail": failure.detail,
        "phases": dict(failure.phases),
    }


def _failure(row: Mapping[str, Any]) -> Failure:
    phases = {_text(name): float(value) for name, value in row["phases"].items()}
    return Failure(_integer(row["at_us"]), _text(row["reason"]), row["status"], _text(row["detail"]), phases)


def fact_row(fact: Fact) -> Plain:
    """Return a fact as a line, with its body as data."""
    return {
        "id": fact.id,
        "made_us": fact.made,
        "author": fact.author,
        "kind": fact.kind,
        "product": fact.product,
        "body": fact.content(),
    }


def fact_of(row: Mapping[str, Any]) -> Fact:
    """Return the fact of a line."""
    id_, author, kind, product = (_text(row[name]) for name in ("id", "author", "kind", "product"))
    return Fact(id_, _integer(row["made_us"]), author, kind, product, canonical(row["body"]))


def latency_row(day: LatencyDay) -> Plain:
    """Return a day of latencies as a line, without the phases, which no figure uses."""
    return {
        "check": day.check,
        "vantage": day.vantage,
        "start_us": day.start,
        "last_us": day.last,
        "histogram": base64.b64encode(day.packed).decode(),
    }


def latency_of(row: Mapping[str, Any]) -> LatencyDay:
    """Return the day of latencies in a line."""
    packed = base64.b64decode(_text(row["histogram"]), validate=True)
    LatencyHistogram.unpack(packed)
    start, last = _integer(row["start_us"]), _integer(row["last_us"])
    return LatencyDay(_text(row["check"]), start, last, packed, vantage=_text(row["vantage"]))


def maintenance_row(product: str, exclusion: Exclusion) -> Plain:
    """Return an occurrence of planned maintenance of a product as a line."""
    return {
        "product": product,
        "start_us": exclusion.interval.start,
        "end_us": exclusion.interval.end,
        "label": exclusion.label,
        "reason": exclusion.reason,
    }


def maintenance_of(row: Mapping[str, Any]) -> tuple[str, Exclusion]:
    """Return the product and the occurrence of a line."""
    span = Interval(_integer(row["start_us"]), _integer(row["end_us"]))
    return _text(row["product"]), Exclusion(span, Cause.MAINTENANCE, _text(row["label"]), reason=_text(row["reason"]))


def _integer(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or abs(value) > 2**62:
        raise ValueError(f"{str(value)[:40]!r} is not a whole number of this size")
    return value


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError(f"{str(value)[:40]!r} is not text")
    return value
