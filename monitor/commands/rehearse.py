"""`ninewatch rehearse`: the notifications that another configuration would have sent over a recorded time."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from monitor.alerting.page_report import NIGHT
from monitor.as_of import recorded_at
from monitor.commands.common import CONFIG, loaded
from monitor.commands.plural import plural
from monitor.commands.span import hours, span_of
from monitor.config.former_ids import FormerIdMap
from monitor.errors import NinewatchError
from monitor.facts.journal import Journal
from monitor.facts.known_facts import Facts
from monitor.log import concealed
from monitor.rehearsal.differences import Difference, differences, limits, longer_intervals
from monitor.rehearsal.effects import COUNTERS, Effects, effects
from monitor.rehearsal.observations import RecordedObservations, renamed, thin_out
from monitor.rehearsal.replay import Replay
from monitor.storage.reader import reading
from sla.interval import SECOND
from sla.objective import format_duration
from sla.window import format_instant

if TYPE_CHECKING:
    from collections.abc import Sequence

    from monitor.config.model import Portfolio
    from monitor.rehearsal.replay import Replayed
    from monitor.storage.reader import Reader
    from sla.fact import Fact
    from sla.interval import Interval
    from sla.service_hours import ServiceHours

_ALWAYS = (
    "an incident that is open at the start is not announced; certificates and heartbeats are not replayed;"
    " deliveries are taken as confirmed at once"
)


@click.command(short_help="Print the pages that another configuration would have sent over a recorded time.")
@click.argument("new", type=click.Path(path_type=Path))
@click.option("--since", default="90d", show_default=True, metavar="TIME|DURATION", help="Start of the time.")
@click.option("--until", metavar="TIME", help="End of the time (RFC 3339, or local).  [default: now]")
@click.option("--night", default=str(NIGHT), show_default=True, help="The hours that count as night.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@CONFIG
def rehearse_command(new: Path, since: str, until: str | None, night: str, as_json: bool, path: Path) -> None:
    """Replay the record through the decisions of the daemon, with the configuration NEW and with the current one (-c).

    Thresholds, routes, maintenance, quiet hours, damping and reminders are those of each configuration. Outcomes are
    those of the probes in the record of the current one. Nothing is sent or recorded. Works with or without a running
    daemon.
    """
    current, other = loaded(path)[1], loaded(new)[1]
    found = rehearsed(current, other, span_of(since, until, current.zone), hours("--night", night))
    click.echo(json.dumps(found.as_json(), indent=2) if as_json else concealed(found.text()))


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """Both configurations over the same time, each notification that differs, and the limits of the comparison."""

    span: Interval
    night: ServiceHours
    current: Effects
    new: Effects
    differences: Sequence[Difference]
    notes: Sequence[str]

    def as_json(self) -> dict[str, Any]:
        """Return it as one object; instants are RFC 3339 in UTC, durations seconds."""
        return {
            "since": format_instant(self.span.start),
            "until": format_instant(self.span.end),
            "night": str(self.night),
            "current": self.current.as_json(),
            "new": self.new.as_json(),
            "differences": [each.as_json() for each in self.differences],
            "outages_without_page": {
                name: [
                    {
                        "product": each.product,
                        "start": format_instant(each.span.start),
                        "end": format_instant(each.span.end),
                    }
                    for each in found.missed
                ]
                for name, found in (("current", self.current), ("new", self.new))
            },
            "notes": list(self.notes),
        }

    def text(self) -> str:
        """Return it as a person reads it, with instants in UTC."""
        start, end = (format_instant(at // SECOND * SECOND) for at in (self.span.start, self.span.end))
        lines = [f"Rehearsal of {start} to {end}", "", *_table(self.current, self.new, str(self.night)), ""]
        lines += [f"note: {each}" for each in self.notes]
        lines += ["", f"{len(self.differences)} notifications differ" + (":" if self.differences else "")]
        lines += [f"  {format_instant(each.at // SECOND * SECOND)}  {each.text}" for each in self.differences]
        return "\n".join(lines)


def _table(current: Effects, new: Effects, night: str) -> list[str]:
    ours, theirs = current.as_json(), new.as_json()
    rows = [("", "CURRENT", "NEW")]
    names = {"pages_at_night": f"pages at night ({night})"}
    rows += [(names.get(each, each), str(ours[each]), str(theirs[each])) for each in COUNTERS]
    for name in ("outages", "outages_without_page", "outages_in_maintenance"):
        rows.append((name.replace("_", " "), str(ours[name]), str(theirs[name])))
    for name in ("median", "longest"):
        values = (each["delay_seconds"][name] for each in (ours, theirs))
        first, second = ("n/a" if each is None else format_duration(round(each * SECOND)) for each in values)
        rows += [(f"fault to page, {name}", first, second)]
    for receiver in sorted({*ours["receivers"], *theirs["receivers"]}):
        for name in COUNTERS:
            before, after = (each["receivers"].get(receiver, {}).get(name, 0) for each in (ours, theirs))
            if before or after:
                rows.append((f"{receiver}: {name.replace('_', ' ')}", str(before), str(after)))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        f"{name.ljust(widths[0])}  {first.rjust(widths[1])}  {second.rjust(widths[2])}" for name, first, second in rows
    ]


def rehearsed(current: Portfolio, new: Portfolio, span: Interval, night: ServiceHours = NIGHT) -> Rehearsal:
    """Return the rehearsal of a time over the record of the current configuration.

    Raises:
        NinewatchError: there is no record, it cannot be read, or it has no observation within the time.
    """
    with reading(current.store) as record:
        facts = Facts(record.load_facts(), Journal.of(current.store).read()).all
        recorded = RecordedObservations(record, span)
        if not any(True for _ in recorded.in_order()):
            raise NinewatchError(f"{current.store} has no observation within that time; write an earlier --since")
        longer = longer_intervals(current, new)
        source = _Source(record, recorded, Journal.of(current.store), facts, span)
        before, after = source.replayed(current), source.replayed(new, longer)
    former = FormerIdMap.of(new)
    known = {former.check(key) for key in recorded.raw_since}
    changed = differences(before.notifications, after.notifications)
    notes = [_ALWAYS, *_defects(before, after), *_folded(recorded), *limits(current, new, known)]
    return Rehearsal(span, night, effects(before, night), effects(after, night), changed, notes)


def _defects(*replays: Replayed) -> list[str]:
    count = sum(each.defects for each in replays)
    return [f"{plural(count, 'error')} in alerting, see the log: the comparison is incomplete"] if count else []


def _folded(recorded: RecordedObservations) -> list[str]:
    until = recorded.evenly_spaced_until()
    if until is None:
        return []
    return [f"before {format_instant(until // SECOND * SECOND)} some observations are kept folded: evenly spaced"]


@dataclass(frozen=True, slots=True)
class _Source:
    """What is replayed: the record with its journal, the facts and the time."""

    record: Reader
    recorded: RecordedObservations
    journal: Journal
    facts: Sequence[Fact]
    span: Interval

    def replayed(self, portfolio: Portfolio, longer: dict[str, tuple[int, int]] | None = None) -> Replayed:
        """Return the replay with a configuration; `longer` are the intervals that it lengthens."""
        start = recorded_at(self.record, self.journal, self.span.start - 1, portfolio)
        replay = Replay(portfolio, start, self.facts, self.span, self.record.load_product_incidents())
        seen = renamed(self.recorded.in_order(), dict(FormerIdMap.of(portfolio).checks))
        return asyncio.run(replay.run(thin_out(seen, longer or {})))
