"""The command line: `ninewatch --help`. Each command is a file in `monitor/commands`."""

from __future__ import annotations

import sys
from importlib.metadata import PackageNotFoundError, version

import click

from monitor import log
from monitor.commands.audit import audit_command
from monitor.commands.check_config import check_config
from monitor.commands.correct import correct, corrections
from monitor.commands.demo import demo
from monitor.commands.measure import measure_command
from monitor.commands.nines import nines_command
from monitor.commands.plan import plan_command
from monitor.commands.probe import probe
from monitor.commands.report import report_command
from monitor.commands.run import run
from monitor.commands.status import status
from monitor.errors import NinewatchError


def _version() -> str:
    try:
        return version("ninewatch")
    except PackageNotFoundError:  # run from a checkout that nobody installed
        return "(checkout)"


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(_version(), prog_name="ninewatch")
def cli() -> None:
    """The uptime and SLA monitor that proves its nines.

    Try `ninewatch demo` first: it needs nothing and shows everything.
    """


for command in (
    run,
    demo,
    check_config,
    probe,
    status,
    measure_command,
    report_command,
    nines_command,
    plan_command,
    audit_command,
    correct,
    corrections,
):
    cli.add_command(command)


def main() -> None:
    """Run the command line; an error a person can mend is one line on standard error, with exit status 2."""
    log.configure()
    try:
        cli(prog_name="ninewatch")
    except NinewatchError as error:
        click.echo(log.concealed(f"ninewatch: {error}"), err=True)
        sys.exit(2)
