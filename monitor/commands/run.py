"""`ninewatch run`: run the daemon."""

from __future__ import annotations

import asyncio
from ipaddress import ip_network
from pathlib import Path
from typing import TYPE_CHECKING

import click

from monitor.app import Daemon, Running
from monitor.blackbox.service import Blackbox
from monitor.clock import SystemClock
from monitor.commands.config_option import load_config
from monitor.commands.plural import plural

if TYPE_CHECKING:
    from monitor.config.outbound import Network


def _networks(context: click.Context, option: click.Parameter, values: tuple[str, ...]) -> tuple[Network, ...]:
    """Return the networks of a repeatable option with comma-separated values."""
    try:
        return tuple(ip_network(network.strip()) for value in values for network in value.split(","))
    except ValueError as error:
        raise click.BadParameter(f"{error}; use e.g. 10.0.0.0/8 or 192.0.2.7/32") from None


@click.command(short_help="Run the daemon: probe, record and publish.")
@click.option(
    "-c",
    "--config",
    "path",
    type=click.Path(path_type=Path),
    required=True,
    help="Configuration file or folder (YAML).",
)
@click.option("--allow-exec", is_flag=True, help="Allow exec checks and browser scripts.")
@click.option(
    "--blackbox-config",
    "modules",
    type=click.Path(path_type=Path),
    help="Serve /probe with this blackbox_exporter module file.",
)
@click.option(
    "--blackbox-allow",
    "allow",
    multiple=True,
    callback=_networks,
    metavar="CIDR,...",
    help="Networks that may request /probe.  [default: loopback only]",
)
@click.option("--new-record", is_flag=True, help="Start an empty record; an existing one is renamed.")
def run(path: Path, allow_exec: bool, modules: Path | None, allow: tuple[Network, ...], new_record: bool) -> None:
    """Probe the products, record the results and publish them until stopped.

    SIGTERM or Ctrl-C stops the daemon. SIGHUP or a changed file reloads the configuration; if it has errors, the
    daemon keeps the previous configuration.
    """
    if allow and modules is None:
        raise click.UsageError("--blackbox-allow needs --blackbox-config FILE")
    clock = SystemClock()
    result, portfolio = load_config(path, allow_exec=allow_exec, show_warnings=True)
    blackbox = Blackbox(modules, clock) if modules is not None else None

    def ready(running: Running) -> None:
        checks = plural(len(running.ledger.entries), "check")
        click.echo(f"ninewatch monitors {checks} and answers at {running.address}")

    while True:
        daemon = Daemon(
            path,
            result,
            portfolio,
            clock,
            allow_exec=allow_exec,
            blackbox=blackbox,
            blackbox_allow=allow,
            new_record=new_record,
            restarts=True,
        )
        asyncio.run(daemon.run(ready))
        if not daemon.restarting:
            return
        (result, portfolio), new_record = daemon.accepted, False
        clock.reset()
