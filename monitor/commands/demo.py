"""`ninewatch demo`: run the daemon on simulated products."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path

import click

from monitor import log
from monitor.app import Daemon, Running
from monitor.clock import SystemClock
from monitor.commands.config_option import load_config
from monitor.commands.demo_drill import demo_drill
from monitor.demo import launch
from monitor.demo.history import seed


@click.group(short_help="Run the daemon on simulated products that fail on a schedule.", invoke_without_command=True)
@click.option(
    "--directory",
    type=click.Path(path_type=Path),
    default=Path("var/demo"),
    show_default=True,
    help="Folder for the demo's record and configuration.",
)
@click.option(
    "--listen", metavar="HOST:PORT", help="Address of the page; port 0 picks a free port.  [default: 127.0.0.1:9999]"
)
@click.option(
    "--script", default="default", show_default=True, help="Faults of the products: default, none, or a JSON file."
)
@click.pass_context
def demo(context: click.Context, directory: Path, listen: str | None, script: str) -> None:
    """Monitor simulated products that fail and recover on a schedule, with 90 days of synthetic history.

    Stop with Ctrl-C. `ninewatch demo drill` measures a failover in a running demo."""
    if context.invoked_subcommand is None:
        log.configure(level=logging.WARNING)
        asyncio.run(_demo(directory, listen, script))


demo.add_command(demo_drill)


async def _demo(directory: Path, listen: str | None, script: str) -> None:
    async with launch.demo(directory, script_name=script, listen=listen) as products:
        result, portfolio = load_config(products.config_path, allow_exec=False)
        clock = SystemClock()
        new_record = not portfolio.store.exists()  # the user deleted the record to start a new demo
        daemon = Daemon(products.config_path, result, portfolio, clock, new_record=new_record)

        def ready(running: Running) -> None:
            click.echo(products.script.table())
            click.echo(f"The schedule is at {products.control}/_script")
            click.echo(f"\nninewatch monitors them and answers at {running.address} (stop both with Ctrl-C)")

        await daemon.run(ready, lambda store: seed(store, portfolio, clock.now()), products.raise_on_exit)
