"""`ninewatch plan`: what a design can reach, what may be promised of it, and what to change next."""

from __future__ import annotations

import json
from pathlib import Path

import click

from monitor.config.plan_file import load_plan
from monitor.config.readiness import load_checklist
from monitor.errors import NinewatchError
from monitor.planning.plan_result import answer
from monitor.planning.plan_text import sentences
from monitor.share import shared


@click.command("plan")
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--years", type=click.IntRange(20, 1_000_000), default=10_000, show_default=True, help="How many to draw."
)
@click.option("--seed", type=click.IntRange(0, 2**32 - 1), default=1, show_default=True, help="Same seed, same years.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object; durations in seconds.")
def plan_command(file: Path, years: int, seed: int, as_json: bool) -> None:
    """Say what a design can reach and what may be promised.

    FILE is a design in YAML. The answer is for the long run, for single years, and after each change it has room for.
    Plans that ship with ninewatch are in config/plans; docs/plans.md explains how to write one. Exit status 2 when FILE
    cannot be used; every mistake is printed as file:line:column with what is allowed.
    """
    checklist = load_checklist(shared("config", "checklists", "five-nines.yaml"))
    plan = load_plan(file, checklist)
    try:
        found = answer(plan, checklist, years, seed)
    except ValueError as error:
        raise NinewatchError(f"{file}: {error}") from error
    click.echo(json.dumps(found.as_json()) if as_json else "\n".join(sentences(found)))
