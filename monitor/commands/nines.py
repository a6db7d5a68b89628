"""`ninewatch nines`: allowed downtime, probe interval and prerequisites of an objective."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

from monitor.errors import NinewatchError
from monitor.planning.calculator import objective_of, requirements
from sla.calculator import YEARS
from sla.duration import format_full_duration as spell
from sla.objective import Objective, format_nines

if TYPE_CHECKING:
    from collections.abc import Iterator

    from monitor.planning.calculator import IntervalNeed, Requirements


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
        needed = requirements(objective_of(objective, downtime, over), year)
    except ValueError as error:
        raise NinewatchError(str(error)) from error
    if as_json:
        click.echo(json.dumps(needed.allowance.as_json()))
    else:
        click.echo("\n".join(_lines(needed)))


def _lines(needed: Requirements) -> Iterator[str]:
    objective = needed.objective
    yield f"{objective} is {format_nines(objective.ratio)} nines"
    yield ""
    yield "Allowed downtime"
    for name, allowed in needed.allowed():
        yield f"  {name:<24}{spell(allowed)}"
    yield ""
    yield from _probing_lines(needed)
    yield ""
    yield from _prerequisite_lines(needed)


def _probing_lines(needed: Requirements) -> Iterator[str]:
    longest, allowed = spell(needed.longest_interval), spell(needed.monthly_budget)
    yield f"To measure it: probe at least every {longest}: 2 probes fit into the 30-day budget of {allowed}"
    for need in needed.intervals:
        yield _interval_line(need)
    yield "  Proven: exact 95 % lower bound if all probes are good (Clopper-Pearson), assuming independent probes."


def _interval_line(need: IntervalNeed) -> str:
    remark = "" if need.measures else "; too long to measure it over 30 days"
    return f"  every {spell(need.interval):<10} proven after {need.proven_text} without a bad probe{remark}"


def _prerequisite_lines(needed: Requirements) -> Iterator[str]:
    title = f'the readiness checklist "{needed.checklist.title}"'
    if not needed.items:
        yield f"To reach it: no item of {title} is required"
        return
    yield f"To reach it: {len(needed.items)} of the {len(needed.checklist.items)} items of {title}"
    for item in needed.items:
        yield f"  - {item.title}; without it, at most {Objective(item.cap)}"
