"""Merge the history that is recorded under a check's former keys into the history of its current key.

The record keeps the former keys; they are replaced on reading. If both keys have observations of the same time, those
of the current key are used.
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import replace
from itertools import groupby
from operator import attrgetter
from typing import TYPE_CHECKING

from monitor.config.former_ids import FormerIdMap
from monitor.ledger.check_history import CheckHistory
from sla.definition import AUTHOR
from sla.fact import RENAMING, Fact
from sla.interval import Interval, subtract
from sla.window import format_instant

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from monitor.config.model import Portfolio
    from monitor.facts.fact_index import Facts
    from sla.incident import Incident
    from sla.observation import Observation, Run

_BY_FIRST = attrgetter("first")


def renamed_runs(runs: Iterable[Run], former_ids: FormerIdMap) -> Iterator[Run]:
    """Yield the runs with former keys replaced. Input and output are ordered by check and `first`."""
    if not former_ids.checks:
        yield from runs
        return
    renamed_keys = {*former_ids.checks, *former_ids.checks.values()}
    groups: dict[str, list[Run]] = {}
    for key, group in groupby(runs, attrgetter("check")):
        if key in renamed_keys:
            groups.setdefault(key, []).extend(group)
        else:
            yield from group
    for key in dict.fromkeys(former_ids.checks.values()):
        sources = [key, *(old for old, new in former_ids.checks.items() if new == key)]
        for vantage in sorted({run.vantage for name in sources for run in groups.get(name, ())}):
            parts = [[run for run in groups.get(name, ()) if run.vantage == vantage] for name in sources]
            yield from merge_runs(key, parts)


def renamed_tail(tail: Iterable[Observation], former_ids: FormerIdMap) -> Iterator[Observation]:
    """Yield the observations with former keys replaced, in their order."""
    if not former_ids.checks:
        yield from tail
        return
    for observation in tail:
        key = former_ids.check(observation.check)
        yield observation if key == observation.check else replace(observation, check=key)


def renamed_incident(incident: Incident, former_ids: FormerIdMap) -> Incident:
    """Return the incident with the current keys of its check and product."""
    key = former_ids.check(incident.check)
    return incident if key == incident.check else replace(incident, check=key, product=key.partition("/")[0])


def added_renamings(portfolio: Portfolio, facts: Facts, now: int) -> Iterator[Fact]:
    """Yield a fact for each product with former ids that are not recorded yet."""
    former_ids = FormerIdMap.of(portfolio)
    known = [fact.content() for fact in facts.renamings]
    for product in portfolio.products:
        body = former_ids.renaming(product.id)
        if body and body not in known:
            yield Fact.of(now, AUTHOR, RENAMING, product.id, body)


def unconfigured_checks(
    last_observed: Mapping[str, int], portfolio: Portfolio, facts: Iterable[Fact] = ()
) -> dict[str, str]:
    """Return a message for each recorded check that the portfolio does not contain.

    `last_observed` maps each recorded check to the instant of its last observation.
    """
    former_ids = FormerIdMap.of(portfolio, facts).checks
    configured = {f"{product.id}/{check.id}" for product, check in portfolio.probed()}
    return {
        key: f"is recorded until {format_instant(at)} and not configured; was it renamed? Write `was:` with this id"
        for key, at in sorted(last_observed.items())
        if key not in configured and key not in former_ids
    }


def renamed_histories(
    known: Mapping[str, CheckHistory], former_ids: FormerIdMap
) -> Iterator[tuple[str, list[CheckHistory]]]:
    """Yield each current key whose former keys have a history, with its histories; that of the current key is first."""
    for key in dict.fromkeys(former_ids.checks.values()):
        former_histories = [known[old] for old, new in former_ids.checks.items() if new == key and old in known]
        if any(history.open_run is not None for history in former_histories):
            yield key, ([known[key]] if key in known else []) + former_histories


def merge_histories(key: str, histories: Sequence[CheckHistory]) -> CheckHistory:
    """Merge several histories into one. Earlier histories take precedence. Do not use the originals afterwards."""
    merged = _merge_vantage(key, histories, histories[0].vantage)
    for vantage in sorted({vantage for history in histories for vantage in history.views}):
        views = [history.views[vantage] for history in histories if vantage in history.views]
        merged.views = {**merged.views, vantage: _merge_vantage(key, views, vantage)}
    return merged


def _merge_vantage(key: str, histories: Sequence[CheckHistory], vantage: str) -> CheckHistory:
    merged = CheckHistory(key, vantage=vantage)
    runs = merge_runs(key, [history.runs() for history in histories])
    if runs:
        merged.restore_runs(runs)
    merged.version = max(history.version for history in histories) + 1
    seeded = (history.seeded_until for history in histories)
    merged.seeded_until = max((until for until in seeded if until is not None), default=None)
    return merged


def merge_runs(key: str, sources: Sequence[Sequence[Run]]) -> list[Run]:
    """Return the runs of all sources in chronological order, under one key. Earlier sources take precedence."""
    merged: list[Run] = []
    for runs in sources:
        parts = [part for run in runs for part in _uncovered_parts(run, merged)]
        merged = sorted([*merged, *(replace(part, check=key) for part in parts)], key=_BY_FIRST)
    return merged


def _uncovered_parts(run: Run, covering: Sequence[Run]) -> Iterator[Run]:
    """Yield the parts of the run that no other run covers. `covering` is in chronological order."""
    begin = max(0, bisect_left(covering, run.first, key=_BY_FIRST) - 1)
    end = bisect_left(covering, run.last + 1, key=_BY_FIRST)
    covered = [Interval(other.first, other.last + 1) for other in covering[begin:end] if other.last >= run.first]
    if not covered:
        yield run
        return
    for interval in subtract(Interval(run.first, run.last + 1), covered):
        if (part := _part(run, interval)) is not None:
            yield part


def _part(run: Run, interval: Interval) -> Run | None:
    """Return the part of the run within the interval, assuming evenly spaced observations. None if it is empty."""
    length, steps = run.last - run.first, run.count - 1
    if not length:
        return run
    low = -((run.first - interval.start) * steps // length)
    high = (interval.end - 1 - run.first) * steps // length
    if high < low:
        return None
    first, last = (run.first + number * length // steps for number in (low, high))
    count = high - low + 1
    known = min(run.latency_count, count)
    total = run.latency_sum * known // run.latency_count if run.latency_count else 0
    return replace(run, first=first, last=last, count=count, latency_count=known, latency_sum=total)
