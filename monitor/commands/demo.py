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
@click.option("--listen", metavar="HOST:PORT", help="Where the page is, in place of 127.0.0.1:9999; port 0 is any.")
@click.option(
    "--script", default="default", show_default=True, help="What the products do: default, none, or a JSON file."
)
def demo(directory: Path, listen: str | None, script: str) -> None:
    """Watch simulated products fail and recover on a script, with 90 days of seeded history. Ctrl-C ends it."""
    asyncio.run(_demo(directory, listen, script))


async def _demo(directory: Path, listen: str | None, script: str) -> None:
    async with launch.demo(directory, script_name=script, listen=listen) as products:
        found, portfolio = loaded(products.config_path, allow_exec=False)
        clock = SystemClock()
        gone = not portfolio.store.exists()  # whoever deletes the demo's record wants another one
        daemon = Daemon(products.config_path, found, portfolio, clock, new_record=gone)

        def ready(running: Running) -> None:
            click.echo(products.script.table())
            click.echo(f"The script is served at {products.control}/_script")
            click.echo(f"\nninewatch watches them and answers at {running.address} (Ctrl-C ends both)")

        await daemon.run(ready, lambda store: seed(store, portfolio, clock.now()), products.watch)
