"""`ninewatch demo drill`: measure a failover of the demo's Keycloak, and write its report."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from monitor.as_of import ledger_at
from monitor.clock import SystemClock
from monitor.commands.config_option import load_config
from monitor.commands.drill import start_drill
from monitor.commands.drill_options import duration_option, one_drill, require_product
from monitor.commands.drill_report import write_report
from monitor.commands.fact_writing import state_fact
from monitor.demo.failover import PRODUCT, Demo, fail_over
from monitor.demo.launch import PORTFOLIO_FILE, control_url
from monitor.errors import NinewatchError
from monitor.ledger.product_drills import measured_drill
from monitor.log import conceal_secrets
from monitor.views.drill_text import drill_lines
from sla.drill import Drill, DrillKind
from sla.drill_facts import drill_end
from sla.interval import SECOND

if TYPE_CHECKING:
    from monitor.clock import Clock
    from monitor.config.model import Portfolio
    from sla.drill_result import DrillResult

_AUTHOR: Final = "ninewatch demo"
_SCENARIO: Final = "Gold is lost; GoldDR takes over behind its maintenance page"
_COMPLETION_TIMEOUT: Final = 60.0  # seconds until the observations of the drill must be complete


@click.command("drill", short_help="Fail the running demo's Keycloak over as a measured drill.")
@click.option(
    "--directory",
    type=click.Path(path_type=Path),
    default=Path("var/demo"),
    show_default=True,
    help="Folder of the running demo.",
)
@click.option("--stage", "stage", default="5s", show_default=True, help="The shortest duration of each stage.")
@click.option(
    "-o", "--output", type=click.Path(path_type=Path, dir_okay=False), help="The report.  [default: drill.html there]"
)
def demo_drill(directory: Path, stage: str, output: Path | None) -> None:
    """Start a failover drill of the running demo's Keycloak, fail it over and back, end the drill, write its report.

    The daemon of the demo probes Keycloak as usual. The report (HTML, PDF, JSON, Markdown or CSV) has the measured
    recovery time with bounds, and the states second by second.
    """
    control = control_url(directory)
    path, shortest = directory / PORTFOLIO_FILE, duration_option("--stage", stage) / SECOND
    portfolio = load_config(path, allow_exec=False)[1]
    product, clock = require_product(PRODUCT, portfolio, path), SystemClock()
    drill = Drill(
        clock.now(), _AUTHOR, PRODUCT, DrillKind.FAILOVER, product.drills.rto, product.drills.rpo, scenario=_SCENARIO
    )
    demo = Demo(control, portfolio.store, [f"{PRODUCT}/{check.id}" for check in product.checks])
    start_drill(drill, product, portfolio)
    click.echo(f"drill {drill.id}: failover of {PRODUCT} started")
    result = asyncio.run(_run_drill(demo, drill, portfolio, clock, shortest))
    click.echo(conceal_secrets("\n".join(drill_lines(result))))
    output = directory / "drill.html" if output is None else output
    write_report(drill.id, portfolio, clock.now(), output)
    click.echo(f"report: {output}")


async def _run_drill(demo: Demo, drill: Drill, portfolio: Portfolio, clock: Clock, shortest: float) -> DrillResult:
    """Fail over, end the drill, and return its result once it is final."""
    reason = "the failover of the demo did not end as planned"
    try:
        await fail_over(demo, clock, shortest, click.echo)
        reason = ""
    finally:
        state_fact(portfolio.store, drill_end(drill.id, PRODUCT, clock.now(), _AUTHOR, reason))
    deadline = clock.monotonic() + _COMPLETION_TIMEOUT
    while (result := _result(drill, portfolio, clock.now())).provisional:
        if clock.monotonic() > deadline:
            raise NinewatchError(
                f"the observations until the end of drill {drill.id} are not complete; run `ninewatch drill show` later"
            )
        await clock.sleep_until(clock.monotonic() + 1)
    return result


def _result(drill: Drill, portfolio: Portfolio, at: int) -> DrillResult:
    ledger = ledger_at(portfolio, portfolio.store, at, PRODUCT)
    return measured_drill(ledger, one_drill(drill.id, portfolio, at), at)
