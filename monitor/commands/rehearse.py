"""`ninewatch rehearse`: replay a recorded time span to show the notifications of another configuration."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from monitor.alerting.page_report import NIGHT_HOURS
from monitor.as_of import recorded_at
from monitor.commands.config_option import CONFIG, load_config
from monitor.commands.plural import plural
from monitor.commands.span_options import hours, span_of
from monitor.config.former_ids import FormerIdMap
from monitor.errors import NinewatchError
from monitor.facts.fact_index import Facts
from monitor.facts.journal import Journal
from monitor.log import conceal_secrets
from monitor.rehearsal.differences import Difference, differences, limits, longer_intervals
from monitor.rehearsal.effects import COUNTERS, Effects, effects
from monitor.rehearsal.observations import RecordedObservations, thin_out, with_current_keys
from monitor.rehearsal.replay import Replay
from monitor.storage.reader import reading
from sla.interval import SECOND
from sla.objective import format_duration
from sla.window import format_instant

if TYPE_CHECKING:
    from collections.abc import Sequence

    from monitor.config.model import Portfolio
    from monitor.rehearsal.replay import ReplayResult
    from monitor.storage.reader import Reader
    from sla.fact import Fact
    from sla.interval import Interval
    from sla.service_hours import ServiceHours

_GENERAL_NOTE = (
    "an incident that is open at the start is not announced; certificates and heartbeats are not replayed;"
    " deliveries count as confirmed immediately"
)


@click.command(short_help="Print the pages that another configuration would have sent.")
@click.argument("new", type=click.Path(path_type=Path))
@click.option("--since", default="90d", show_default=True, metavar="TIME|DURATION", help="Start of the replay.")
@click.option("--until", metavar="TIME", help="End of the replay (RFC 3339, or local).  [default: now]")
@click.option("--night", default=str(NIGHT_HOURS), show_default=True, help="Hours that count as night.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@CONFIG
def rehearse_command(new: Path, since: str, until: str | None, night: str, as_json: bool, path: Path) -> None:
    """Replay the record with the configuration NEW and with the current one (-c), and compare the notifications.

    Each replay uses the thresholds, routes, maintenance, quiet hours, damping and reminders of its configuration. Both
    use the recorded outcomes of the current one. Nothing is sent or recorded. Works with or without a running daemon.
    """
    current, proposed = load_config(path)[1], load_config(new)[1]
    rehearsal = rehearse_span(current, proposed, span_of(since, until, current.zone), hours("--night", night))
    click.echo(json.dumps(rehearsal.as_json(), indent=2) if as_json else conceal_secrets(rehearsal.text()))


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """The effects of both configurations, the notifications that differ, and the limits of the comparison."""

    span: Interval
    night: ServiceHours
    current: Effects
    new: Effects
    differences: Sequence[Difference]
    notes: Sequence[str]

    def as_json(self) -> dict[str, Any]:
        """Return the rehearsal as a JSON object; instants are RFC 3339 in UTC, durations are in seconds."""
        return {
            "since": format_instant(self.span.start),
            "until": format_instant(self.span.end),
            "night": str(self.night),
            "current": self.current.as_json(),
            "new": self.new.as_json(),
            "differences": [difference.as_json() for difference in self.differences],
            "outages_without_page": {
                name: [
                    {
                        "product": outage.product,
                        "start": format_instant(outage.span.start),
                        "end": format_instant(outage.span.end),
                    }
                    for outage in result.missed
                ]
                for name, result in (("current", self.current), ("new", self.new))
            },
            "notes": list(self.notes),
        }

    def text(self) -> str:
        """Return the rehearsal as text, with instants in UTC."""
        start, end = (format_instant(at // SECOND * SECOND) for at in (self.span.start, self.span.end))
        lines = [f"Rehearsal of {start} to {end}", "", *_table(self.current, self.new, str(self.night)), ""]
        lines += [f"note: {note}" for note in self.notes]
        lines += ["", f"{len(self.differences)} notifications differ" + (":" if self.differences else "")]
        for difference in self.differences:
            lines.append(f"  {format_instant(difference.at // SECOND * SECOND)}  {difference.text}")
        return "\n".join(lines)


def _table(current: Effects, new: Effects, night: str) -> list[str]:
    results = current.as_json(), new.as_json()
    rows = [("", "CURRENT", "NEW")]
    titles = {"pages_at_night": f"pages at night ({night})"}
    for name in (*COUNTERS, "outages", "outages_without_page", "outages_in_maintenance"):
        first, second = (str(result[name]) for result in results)
        rows.append((titles.get(name, name.replace("_", " ")), first, second))
    for name in ("median", "longest"):
        delays = (result["delay_seconds"][name] for result in results)
        first, second = ("n/a" if delay is None else format_duration(round(delay * SECOND)) for delay in delays)
        rows.append((f"fault to page, {name}", first, second))
    for receiver in sorted({name for result in results for name in result["receivers"]}):
        for name in COUNTERS:
            counts = [result["receivers"].get(receiver, {}).get(name, 0) for result in results]
            if any(counts):
                rows.append((f"{receiver}: {name.replace('_', ' ')}", str(counts[0]), str(counts[1])))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        f"{name.ljust(widths[0])}  {first.rjust(widths[1])}  {second.rjust(widths[2])}" for name, first, second in rows
    ]


def rehearse_span(current: Portfolio, new: Portfolio, span: Interval, night: ServiceHours = NIGHT_HOURS) -> Rehearsal:
    """Return the rehearsal of a time span with the record of the current configuration.

    Raises:
        NinewatchError: the record does not exist, is unreadable, or has no observation within the span.
    """
    with reading(current.store) as record:
        facts = Facts(record.load_facts(), Journal.of(current.store).read()).all
        recorded = RecordedObservations(record, span)
        if not any(True for _ in recorded.in_order()):
            raise NinewatchError(f"{current.store} has no observation within that time; specify an earlier --since")
        lengthened = longer_intervals(current, new)
        source = _ReplaySource(record, recorded, Journal.of(current.store), facts, span)
        current_replay, new_replay = source.replay(current), source.replay(new, lengthened)
    former_ids = FormerIdMap.of(new)
    known = {former_ids.check(key) for key in recorded.raw_since}
    changed = differences(current_replay.notifications, new_replay.notifications)
    notes = [
        _GENERAL_NOTE,
        *_defect_notes(current_replay, new_replay),
        *_spacing_notes(recorded),
        *limits(current, new, known),
    ]
    return Rehearsal(span, night, effects(current_replay, night), effects(new_replay, night), changed, notes)


def _defect_notes(*replays: ReplayResult) -> list[str]:
    count = sum(replayed.defects for replayed in replays)
    return [f"{plural(count, 'error')} in alerting, see the log: the comparison is incomplete"] if count else []


def _spacing_notes(recorded: RecordedObservations) -> list[str]:
    until = recorded.evenly_spaced_until()
    if until is None:
        return []
    return [f"before {format_instant(until // SECOND * SECOND)} some observations are estimated as evenly spaced"]


@dataclass(frozen=True, slots=True)
class _ReplaySource:
    """The data for replays: the record with its journal, the facts and the time span."""

    record: Reader
    recorded: RecordedObservations
    journal: Journal
    facts: Sequence[Fact]
    span: Interval

    def replay(self, portfolio: Portfolio, lengthened: dict[str, tuple[int, int]] | None = None) -> ReplayResult:
        """Replay with a configuration. `lengthened`: check with a longer interval -> (recorded, new interval)."""
        start = recorded_at(self.record, self.journal, self.span.start - 1, portfolio)
        replay = Replay(portfolio, start, self.facts, self.span, self.record.load_product_incidents())
        observations = with_current_keys(self.recorded.in_order(), dict(FormerIdMap.of(portfolio).checks))
        without_rechecks = {
            f"{product.id}/{check.id}" for product, check in portfolio.checks() if check.recheck_delay is None
        }
        return asyncio.run(replay.run(thin_out(observations, lengthened or {}, without_rechecks)))
