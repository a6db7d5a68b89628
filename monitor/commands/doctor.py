"""`ninewatch doctor`: find problems of an installation, each with a remedy."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from monitor.commands.config_option import CONFIG, examine_config
from monitor.commands.plural import plural
from monitor.log import conceal_secrets

if TYPE_CHECKING:
    from monitor.doctor.finding import Finding


@click.command("doctor", short_help="Find problems of an installation, each with a remedy.")
@CONFIG
@click.option("--offline", is_flag=True, help="Send nothing to the targets of the checks.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object per line and finding.")
def doctor_command(path: Path, offline: bool, as_json: bool) -> None:
    """Examine configuration, record, disk, clock, time zones, limits, permissions, the daemon, and the targets.

    Probes every check once, except those that may write or are costly. Changes nothing. Run it as the daemon's user on
    the daemon's machine.

    Exit status: 0 without errors, 1 with errors, 2 if the configuration cannot be read.
    """
    from monitor.doctor.examination import findings
    from monitor.doctor.finding import Level

    levels = []
    for finding in findings(path, examine_config(path), offline=offline):
        levels.append(finding.level)
        click.echo(conceal_secrets(json.dumps(finding.as_json()) if as_json else _line(finding)))
    if not as_json:
        counts = (plural(levels.count(level), level.value) for level in (Level.ERROR, Level.WARNING))
        click.echo(", ".join(counts))
    sys.exit(1 if Level.ERROR in levels else 0)


def _line(finding: Finding) -> str:
    remedy = f"\n{'':<24}remedy: {finding.remedy}" if finding.remedy else ""
    return f"{finding.level:<8}  {finding.subject:<14}{finding.text}{remedy}"
