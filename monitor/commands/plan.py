"""`ninewatch plan`: predict the availability of a design and the effect of changes."""

from __future__ import annotations

import json
from pathlib import Path

import click

from monitor.config.plan_file import load_plan
from monitor.config.readiness import load_checklist
from monitor.errors import NinewatchError
from monitor.package_files import shipped_path
from monitor.planning.plan_result import evaluate_plan
from monitor.planning.plan_text import text_lines


@click.command("plan", short_help="Predict the availability of a design.")
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--years",
    type=click.IntRange(20, 1_000_000),
    default=10_000,
    show_default=True,
    help="Number of years to simulate.",
)
@click.option("--seed", type=click.IntRange(0, 2**32 - 1), default=1, show_default=True, help="Seed of the simulation.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object; durations in seconds.")
def plan_command(file: Path, years: int, seed: int, as_json: bool) -> None:
    """Predict the availability of a design and the objective that it supports.

    FILE describes the design in YAML. Prints the long-run average, the variation between years, and the gain of each
    possible change. Example plans are in config/plans; docs/plans.md explains the format. Exit status 2 if FILE is
    invalid; every error is printed as file:line:column with what is allowed.
    """
    checklist = load_checklist(shipped_path("config", "checklists", "five-nines.yaml"))
    plan = load_plan(file, checklist)
    for warning in plan.warnings:
        click.echo(f"warning: {warning}", err=True)
    try:
        result = evaluate_plan(plan, checklist, years, seed)
    except ValueError as error:
        raise NinewatchError(f"{file}: {error}") from error
    click.echo(json.dumps(result.as_json()) if as_json else "\n".join(text_lines(result)))
