"""`ninewatch run`: the daemon."""

from __future__ import annotations

import asyncio
from pathlib import Path

import click

from monitor.app import Daemon, Running
from monitor.clock import SystemClock
from monitor.commands.common import loaded
from monitor.commands.words import plural


@click.command(short_help="Run the daemon: probe, record and publish a portfolio.")
@click.option("-c", "--config", "path", type=click.Path(path_type=Path), required=True, help="File or folder (YAML).")
@click.option("--allow-exec", is_flag=True, help="Run the programs of exec checks, and browser scripts.")
def run(path: Path, allow_exec: bool) -> None:
    """Probe the portfolio and publish what is found, until stopped.

    SIGTERM or Ctrl-C stops it, SIGHUP or a change of a file loads the configuration anew. A configuration with a
    mistake is never taken over: the running one goes on.
    """
    found, portfolio = loaded(path, allow_exec=allow_exec)

    def ready(running: Running) -> None:
        checks = plural(len(running.ledger.entries), "check")
        click.echo(f"ninewatch watches {checks} and answers at {running.address}")

    asyncio.run(Daemon(path, found, portfolio, SystemClock(), allow_exec=allow_exec).run(ready))
