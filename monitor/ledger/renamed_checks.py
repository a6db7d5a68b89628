"""Read records of renamed checks: what was recorded under a former key becomes part of the present key's history.

The rows of the record keep their keys; the former ones are replaced as they are read. Where both keys have observations
of the same time, the present key's count.
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
    from monitor.facts.known_facts import Facts
    from sla.incident import Incident
    from sla.observation import Observation, Run

_BY_FIRST = attrgetter("first")


def renamed_runs(runs: Iterable[Run], former: FormerIdMap) -> Iterator[Run]:
    """Yield the runs, which come by check and `first`, with former keys replaced: again by check and `first`."""
    if not former.checks:
        yield from runs
        return
    concerned = {*former.checks, *former.checks.values()}
    held: dict[str, list[Run]] = {}
    for key, group in groupby(runs, attrgetter("check")):
        if key in concerned:
            held.setdefault(key, []).extend(group)
        else:
            yield from group
    for key in dict.fromkeys(former.checks.values()):
        sources = [key, *(old for old, new in former.checks.items() if new == key)]
        for vantage in sorted({run.vantage for name in sources for run in held.get(name, ())}):
            parts = [[run for run in held.get(name, ()) if run.vantage == vantage] for name in sources]
            yield from joined(key, parts)


def renamed_tail(tail: Iterable[Observation], former: FormerIdMap) -> Iterator[Observation]:
    """Yield the observations with former keys replaced, in their order."""
    if not former.checks:
        yield from tail
        return
    for seen in tail:
        key = former.check(seen.check)
        yield seen if key == seen.check else replace(seen, check=key)


def renamed_incident(incident: Incident, former: FormerIdMap) -> Incident:
    """Return the incident as one of the present check and product."""
    key = former.check(incident.check)
    return incident if key == incident.check else replace(incident, check=key, product=key.partition("/")[0])


def added_renamings(portfolio: Portfolio, facts: Facts, now: int) -> Iterator[Fact]:
    """Yield the facts that a load of the portfolio at `now` adds: former ids that are not recorded yet, by product."""
    stated = FormerIdMap.of(portfolio)
    known = [each.content() for each in facts.renamings]
    for product in portfolio.products:
        body = stated.renaming(product.id)
        if body and body not in known:
            yield Fact.of(now, AUTHOR, RENAMING, product.id, body)


def unconfigured(last_observed: Mapping[str, int], portfolio: Portfolio, facts: Iterable[Fact] = ()) -> dict[str, str]:
    """Return the recorded checks that the portfolio does not have, each with what to know and to do.

    `last_observed` has the instant of the last observation of each recorded check.
    """
    former = FormerIdMap.of(portfolio, facts).checks
    configured = {f"{product.id}/{check.id}" for product, check in portfolio.checks()}
    return {
        key: f"is recorded until {format_instant(at)} and not configured; was it renamed? Write `was:` with this id"
        for key, at in sorted(last_observed.items())
        if key not in configured and key not in former
    }


def renamed_histories(
    known: Mapping[str, CheckHistory], former: FormerIdMap
) -> Iterator[tuple[str, list[CheckHistory]]]:
    """Yield each present key whose former keys have a history, with all histories of it: its own comes first."""
    for key in dict.fromkeys(former.checks.values()):
        olds = [known[old] for old, new in former.checks.items() if new == key and old in known]
        if any(history.open_run is not None for history in olds):
            yield key, ([known[key]] if key in known else []) + olds


def joined_history(key: str, histories: Sequence[CheckHistory]) -> CheckHistory:
    """Return one history of what several hold, the first of them taking precedence. They must not be used any more."""
    made = CheckHistory(key)
    runs = joined(key, [history.runs() for history in histories])
    if runs:
        made.restore_runs(runs)
    made.version = max(history.version for history in histories) + 1
    made.seeded_until = max((each.seeded_until for each in histories if each.seeded_until is not None), default=None)
    return made


def joined(key: str, sources: Sequence[Sequence[Run]]) -> list[Run]:
    """Return the runs of all sources in order of time, under one key; an earlier source takes precedence."""
    taken: list[Run] = []
    for runs in sources:
        parts = [part for run in runs for part in _uncovered(run, taken)]
        taken = sorted([*taken, *(replace(part, check=key) for part in parts)], key=_BY_FIRST)
    return taken


def _uncovered(run: Run, taken: Sequence[Run]) -> Iterator[Run]:
    """Yield the parts of the run that no other run covers. `taken` is in order of time."""
    begin = max(0, bisect_left(taken, run.first, key=_BY_FIRST) - 1)
    end = bisect_left(taken, run.last + 1, key=_BY_FIRST)
    over = [Interval(each.first, each.last + 1) for each in taken[begin:end] if each.last >= run.first]
    if not over:
        yield run
        return
    for piece in subtract(Interval(run.first, run.last + 1), over):
        if (part := _part(run, piece)) is not None:
            yield part


def _part(run: Run, piece: Interval) -> Run | None:
    """Return the observations of the run within the piece, taken as evenly spaced; None if none is."""
    length, steps = run.last - run.first, run.count - 1
    if not length:
        return run
    low = -((run.first - piece.start) * steps // length)
    high = (piece.end - 1 - run.first) * steps // length
    if high < low:
        return None
    first, last = (run.first + number * length // steps for number in (low, high))
    count = high - low + 1
    known = min(run.latency_count, count)
    total = run.latency_sum * known // run.latency_count if run.latency_count else 0
    return replace(run, first=first, last=last, count=count, latency_count=known, latency_sum=total)
