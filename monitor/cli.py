"""The command line: `ninewatch --help`. Each command is a file in `monitor/commands`, read when it is asked for."""

from __future__ import annotations

import sys
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version

import click

from monitor import log
from monitor.errors import NinewatchError

# Command -> the file in monitor/commands and the name in it, in the order of --help. By name only: the calculator need
# not wait for the daemon's imports.
COMMANDS = {
    "run": "run:run",
    "demo": "demo:demo",
    "check-config": "check_config:check_config",
    "probe": "probe:probe",
    "status": "status:status",
    "report": "report:report_command",
    "measure": "measure:measure_command",
    "nines": "nines:nines_command",
    "audit": "audit:audit_command",
    "plan": "plan:plan_command",
    "correct": "correct:correct",
    "corrections": "correct:corrections",
    "standby": "standby:standby_command",
}


class Commands(click.Group):
    """A group whose commands are imported when they are used, or listed with their help."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the commands' names."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return the command of this name, None if there is none."""
        if cmd_name not in COMMANDS:
            return None
        module, _, name = COMMANDS[cmd_name].partition(":")
        command: click.Command = getattr(import_module(f"monitor.commands.{module}"), name)
        return command


def _version() -> str:
    try:
        return version("ninewatch")
    except PackageNotFoundError:  # run from a checkout that nobody installed
        return "(checkout)"


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(_version(), prog_name="ninewatch")
def cli() -> None:
    """The uptime and SLA monitor that proves its nines.

    Try `ninewatch demo` first: it needs nothing and shows everything.
    """


def main() -> None:
    """Run the command line; an error a person can mend is one line on standard error, with exit status 2."""
    log.configure()
    try:
        cli(prog_name="ninewatch")
    except NinewatchError as error:
        click.echo(log.concealed(f"ninewatch: {error}"), err=True)
        sys.exit(2)
