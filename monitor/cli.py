"""The command line. Each command is a file in `monitor/commands`, imported when used."""

from __future__ import annotations

import os
import sys
from importlib import import_module
from types import NoneType

import click

from monitor import log
from monitor.errors import NinewatchError
from monitor.package_files import version

# Command -> file in monitor/commands and function, in the order of --help. Names instead of imports, so that a command
# such as `nines` does not import the daemon.
COMMANDS = {
    "run": "run:run",
    "demo": "demo:demo",
    "check-config": "check_config:check_config",
    "doctor": "doctor:doctor_command",
    "healthcheck": "healthcheck:healthcheck",
    "probe": "probe:probe",
    "status": "status:status",
    "rules": "rules:rules_command",
    "diff": "diff:diff",
    "import": "import_history:import_command",
    "discover": "migrate:discover_command",
    "export": "export_site:export_command",
    "report": "report:report_command",
    "verify": "verify:verify_command",
    "backup": "backup:backup_command",
    "restore": "backup:restore_command",
    "store": "store:store",
    "measure": "measure:measure_command",
    "nines": "nines:nines_command",
    "audit": "audit:audit_command",
    "plan": "plan:plan_command",
    "correct": "correct:correct",
    "corrections": "correct:corrections",
    "maintenance": "maintenance:maintenance",
    "status-page": "status_page:status_page",
    "pause": "pause:pause",
    "resume": "pause:resume",
    "history": "history:history_command",
    "changes": "changes:changes_command",
    "gate": "gate:gate_command",
    "drill": "drill:drill",
    "continuity": "continuity:continuity_command",
    "attest": "attest:attest",
    "readiness": "readiness:readiness_command",
    "deploy": "deploy:deploy",
    "whatif": "whatif:whatif_command",
    "sites": "sites:sites_command",
    "rehearse": "rehearse:rehearse_command",
    "standby": "standby:standby_command",
    "alert": "alert:alert",
    "token": "token:token",
}


class Commands(click.Group):
    """A group that imports a command only when it is run or its help is printed."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of the commands."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return the command with this name, or None."""
        if cmd_name not in COMMANDS:
            return None
        module, _, name = COMMANDS[cmd_name].partition(":")
        command: click.Command = getattr(import_module(f"monitor.commands.{module}"), name)
        return command


def _levels(_: click.Context, option: click.Parameter, value: str | None) -> log.Levels | None:
    try:
        return None if value is None else log.Levels.parse(value)
    except ValueError as error:
        raise click.BadParameter(str(error), param=option) from None


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(version(), prog_name="ninewatch")
@click.option(
    "--log-format",
    type=click.Choice([form.value for form in log.LogFormat]),
    default=log.LogFormat.AUTO.value,
    envvar="NINEWATCH_LOG_FORMAT",
    help="Format of the log on standard error.  [default: text on a terminal, else json]",
)
@click.option(
    "--log-level",
    "levels",
    metavar="LEVEL[,SUBSYSTEM=LEVEL]",
    callback=_levels,
    envvar="NINEWATCH_LOG_LEVEL",
    help="debug, info, warning or error, also by subsystem: info,engine=debug  [default: info]",
)
def cli(log_format: str, levels: log.Levels | None) -> None:
    """Uptime and SLA monitor: every figure has bounds.

    Start with `ninewatch demo`: it needs no configuration.
    """
    if levels is not None or log_format != log.LogFormat.AUTO:
        log.configure(level=levels or log.Levels(), form=log.LogFormat(log_format))


def main() -> None:
    """Run the command line. A NinewatchError is printed as one line on standard error, with exit status 2."""
    log.configure()
    try:
        _run()
    except NinewatchError as error:
        click.echo(log.conceal_secrets(f"ninewatch: {error}"), err=True)
        sys.exit(2)


def _run() -> None:
    """Run the command and flush its output, so that a failed write is reported.

    Raises:
        NinewatchError: standard output cannot be written.
    """
    try:
        try:
            cli(prog_name="ninewatch")
        finally:
            if not isinstance(sys.stdout, NoneType):  # a daemon may be started without standard output
                sys.stdout.flush()
    except OSError as error:
        if error.filename is not None:
            raise
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # the interpreter flushes again at exit
        if isinstance(error, BrokenPipeError):  # the reader closed the pipe
            sys.exit(2)
        raise NinewatchError(f"standard output cannot be written: {error.strerror or error}") from None
