"""`ninewatch demo`: the daemon on a portfolio that misbehaves on purpose."""

from __future__ import annotations

import asyncio
from pathlib import Path

import click

from monitor.app import Daemon, Running
from monitor.clock import SystemClock
from monitor.commands.common import loaded
from monitor.demo import launch
from monitor.demo.history import seed


@click.command(short_help="Run the daemon on products that misbehave on a script.")
@click.option(
    "--directory",
    type=click.Path(path_type=Path),
    default=Path("var/demo"),
    show_default=True,
    help="Where the demo keeps its record and its portfolio.",
)
def demo(directory: Path) -> None:
    """Watch simulated products fail and recover on a script, with 90 days of seeded history. Ctrl-C ends it."""
    asyncio.run(_demo(directory))


async def _demo(directory: Path) -> None:
    async with launch.demo(directory) as products:
        found, portfolio = loaded(products.config_path)
        clock = SystemClock()
        daemon = Daemon(products.config_path, found, portfolio, clock)

        def ready(running: Running) -> None:
            click.echo(products.script.table())
            click.echo(f"\nninewatch watches them: open {running.address} (Ctrl-C ends both)")

        await daemon.run(ready, lambda store: seed(store, portfolio, clock.now()), products.watch)
