"""`ninewatch nines`: allowed downtime, probe interval and prerequisites of an objective."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

from monitor.config.readiness import load_checklist
from monitor.errors import NinewatchError
from monitor.package_files import shipped_path
from sla.calculator import MONTH, YEARS, Allowance, from_downtime, largest_interval, required_items, time_to_prove
from sla.duration import format_full_duration as spell
from sla.interval import DAY, MINUTE, SECOND
from sla.objective import Objective, format_nines
from sla.window import parse_duration

if TYPE_CHECKING:
    from collections.abc import Iterator

_USUAL_INTERVALS = (MINUTE, 10 * SECOND)


@click.command("nines", short_help="Show the downtime that an objective allows.")
@click.argument("objective", required=False)
@click.option("--downtime", metavar="DURATION", help="Compute the objective from this downtime ...")
@click.option("--over", metavar="DURATION", help="... in a window of this length (43m12s over 30d).")
@click.option("--year", type=click.Choice(list(YEARS)), default="365d", show_default=True, help="Length of a year.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object; durations in seconds.")
def nines_command(objective: str | None, downtime: str | None, over: str | None, year: str, as_json: bool) -> None:
    """Show the downtime that OBJECTIVE allows, the probe interval that measures it, and its prerequisites.

    OBJECTIVE is 99.95, "99.95%" or "four and a half nines". A quarter is a quarter of --year; a month is 30 days.
    """
    try:
        allowance = Allowance(_objective(objective, downtime, over), YEARS[year])
    except ValueError as error:
        raise NinewatchError(str(error)) from error
    if as_json:
        click.echo(json.dumps(allowance.as_json()))
    else:
        click.echo("\n".join(_lines(allowance, year)))


def _objective(text: str | None, downtime: str | None, over: str | None) -> Objective:
    if text is not None and downtime is None and over is None:
        return Objective.parse(text)
    if text is None and downtime is not None and over is not None:
        return from_downtime(parse_duration(downtime), parse_duration(over))
    raise ValueError("specify an objective (99.95), or both --downtime and --over (--downtime 43m12s --over 30d)")


def _lines(allowance: Allowance, year: str) -> Iterator[str]:
    objective = allowance.objective
    yield f"{objective} is {format_nines(objective.ratio)} nines"
    yield ""
    yield "Allowed downtime"
    names = {"year": f"per year ({year[:-1]} days)", "quarter": "per quarter (year / 4)", "month": "per 30 days"}
    for name, allowed in allowance.allowed.items():
        yield f"  {names.get(name, f'per {name}'):<24}{spell(allowed)}"
    yield ""
    yield from _probing_lines(objective)
    yield ""
    yield from _prerequisite_lines(objective)


def _probing_lines(objective: Objective) -> Iterator[str]:
    longest = largest_interval(objective)
    allowed = spell(objective.allowed(MONTH))
    yield f"To measure it: probe at least every {spell(longest)}: 2 probes fit into the 30-day budget of {allowed}"
    for interval in sorted({longest, *_USUAL_INTERVALS}, reverse=True):
        yield _interval_line(objective, interval, resolves=interval <= longest)
    yield "  Proven: exact 95 % lower bound if all probes are good (Clopper-Pearson), assuming independent probes."


def _interval_line(objective: Objective, interval: int, *, resolves: bool) -> str:
    record = _days_text(time_to_prove(objective, interval))
    remark = "" if resolves else "; too long to measure it over 30 days"
    return f"  every {spell(interval):<10} proven after {record} without a bad probe{remark}"


def _days_text(length: int) -> str:
    """Return the number of days, rounded up: whole days from 100 days on, otherwise with one decimal."""
    if length >= 100 * DAY:
        return f"{-(-length // DAY):,} days"
    return f"{-(-10 * length // DAY) / 10:.1f} days"


def _prerequisite_lines(objective: Objective) -> Iterator[str]:
    checklist = load_checklist(shipped_path("config", "checklists", "five-nines.yaml"))
    items = required_items(objective, checklist)
    title = f'the readiness checklist "{checklist.title}"'
    if not items:
        yield f"To reach it: no item of {title} is required"
        return
    yield f"To reach it: {len(items)} of the {len(checklist.items)} items of {title}"
    for item in items:
        yield f"  - {item.title}; without it, at most {Objective(item.cap)}"
