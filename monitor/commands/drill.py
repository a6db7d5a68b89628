"""`ninewatch drill`: start, end, list and show drills."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from monitor.as_of import ledger_at
from monitor.clock import SystemClock
from monitor.commands.config_option import CONFIG, load_config
from monitor.commands.drill_options import duration_option, instant_of, one_drill, require_product
from monitor.commands.drill_report import report_command
from monitor.commands.drill_statements import close_command, finding_command, recovery_point_command, sign_off_command
from monitor.commands.fact_options import BY_OPTION, one_line
from monitor.commands.fact_writing import state_fact
from monitor.errors import NinewatchError
from monitor.ledger.product_drills import measured_drill, recorded_drills, stop_reason
from monitor.log import conceal_secrets
from monitor.views.drill_text import drill_line, drill_lines
from sla.drill import Drill, DrillKind
from sla.drill_facts import drill_end, drill_recovery_point
from sla.duration import format_duration

if TYPE_CHECKING:
    from monitor.config.model import Portfolio, Product


_AT_OPTION = click.option("--at", "at_text", metavar="TIME", help="As known at this RFC 3339 instant.  [default: now]")
_JSON = click.option("--json", "as_json", is_flag=True, help="Print the API's JSON.")


@click.group("drill", short_help="Start, end and measure drills: failover, restore, deployment.")
def drill() -> None:
    """Measure recovery exercises: detection, downtime, recovery time and recovery point, compared with RTO and RPO."""


@drill.command("start", short_help="Start a drill of a product.")
@click.argument("product")
@click.option(
    "--kind",
    type=click.Choice([drill_kind.value for drill_kind in DrillKind]),
    required=True,
    help="Kind of the exercise.",
)
@click.option("--rto", metavar="DURATION", help="Promised recovery time: 15m.  [default: `drills: rto` of the product]")
@click.option("--rpo", metavar="DURATION", help="Promised recovery point: 0s.  [default: `drills: rpo` of the product]")
@click.option("--scenario", default="", help="The failure that is assumed.")
@click.option("--participant", "participants", multiple=True, help="A person who takes part; may be repeated.")
@BY_OPTION
@CONFIG
def start_command(
    product: str,
    kind: str,
    rto: str | None,
    rpo: str | None,
    scenario: str,
    participants: tuple[str, ...],
    author: str,
    path: Path,
) -> None:
    """Start a drill of PRODUCT now. A running daemon probes its checks more often until the drill ends.

    The drill is a fact of the record with the author. It is refused while a stop condition is met (`drills:` of the
    product). If one is met later, the daemon ends the drill.
    """
    portfolio = load_config(path)[1]
    configured, now = require_product(product, portfolio, path), SystemClock().now()
    new_drill = Drill(
        now,
        one_line("--by", author),
        product,
        DrillKind(kind),
        configured.drills.rto if rto is None else duration_option("--rto", rto),
        configured.drills.rpo if rpo is None else duration_option("--rpo", rpo),
        one_line("--scenario", scenario) if scenario else "",
        tuple(one_line("--participant", participant) for participant in participants),
    )
    start_drill(new_drill, configured, portfolio)
    probes = f"; a running daemon probes every {format_duration(configured.drills.interval)}"
    click.echo(f"drill {new_drill.id}: {kind} of {product} started{probes if new_drill.kind.measured else ''}")


def start_drill(drill: Drill, product: Product, portfolio: Portfolio) -> None:
    """Record the start of a drill.

    Raises:
        NinewatchError: another drill of the product is in progress, or a stop condition is met.
    """
    _check_may_start(drill, product, portfolio)
    state_fact(portfolio.store, drill.fact())


def _check_may_start(drill: Drill, product: Product, portfolio: Portfolio) -> None:
    """Check that the drill may start.

    Raises:
        NinewatchError: a drill is in progress, or a stop condition is met.
    """
    ledger = ledger_at(portfolio, portfolio.store, drill.made, product.id)
    open_ids = [record.id for record in recorded_drills(ledger, drill.made, product.id) if record.end is None]
    if open_ids:
        raise NinewatchError(f"drill {open_ids[-1]} of {product.id} is in progress; end it with `ninewatch drill end`")
    reason = stop_reason(ledger, product.id, 0, drill.made) if drill.kind.measured else None
    if reason is not None:
        raise NinewatchError(f"no drill may start: {reason}; see `drills:` of the product")


@drill.command("end", short_help="End a drill.")
@click.argument("name", metavar="DRILL")
@click.option("--reason", default="", help="The reason, if it does not end as planned.")
@click.option("--rpa", metavar="DURATION", help="The measured recovery point: 0s if no data was lost.")
@click.option("--measured-by", "source", default="", help="How --rpa was measured; required with it.")
@BY_OPTION
@CONFIG
def end_command(name: str, reason: str, rpa: str | None, source: str, author: str, path: Path) -> None:
    """End DRILL now: its id, or a product that has one in progress. Checks return to their intervals."""
    portfolio = load_config(path)[1]
    now, author_name = SystemClock().now(), one_line("--by", author)
    record = one_drill(name, portfolio, now)
    if record.end is not None:
        raise NinewatchError(f"drill {record.id} has ended already, stated by {record.end.author}")
    if (rpa is None) != (not source):
        raise NinewatchError("--rpa and --measured-by belong together; specify both or none")
    store, product = portfolio.store, record.drill.product
    if rpa is not None:
        length = duration_option("--rpa", rpa)
        state_fact(
            store, drill_recovery_point(record.id, product, now, author_name, length, one_line("--measured-by", source))
        )
    state_fact(store, drill_end(record.id, product, now, author_name, one_line("--reason", reason) if reason else ""))
    click.echo(f"drill {record.id} of {product} ended; show it with `ninewatch drill show {record.id}`")


@drill.command("list", short_help="List drills.")
@click.argument("product", required=False)
@_JSON
@_AT_OPTION
@CONFIG
def list_command(product: str | None, as_json: bool, at_text: str | None, path: Path) -> None:
    """List the drills of PRODUCT, or of all products, oldest first, with their recovery times and verdicts."""
    portfolio = load_config(path)[1]
    at = instant_of(at_text, portfolio)
    if product is not None:
        require_product(product, portfolio, path)
    ledger = ledger_at(portfolio, portfolio.store, at, product)
    records = [drill for drill in recorded_drills(ledger, at, product) if drill.drill.product in ledger.products]
    for record in records:
        measured = measured_drill(ledger, record, at)
        click.echo(
            json.dumps(measured.as_json(), ensure_ascii=False) if as_json else conceal_secrets(drill_line(measured))
        )
    if not records and not as_json:
        click.echo("no drills")


@drill.command("show", short_help="Show the measured result of a drill.")
@click.argument("name", metavar="DRILL")
@_JSON
@_AT_OPTION
@CONFIG
def show_command(name: str, as_json: bool, at_text: str | None, path: Path) -> None:
    """Show DRILL: its figures with bounds, compared with RTO and RPO, as known now or at an earlier instant.

    It reads the record, with or without a running daemon. DRILL is an id, or a product that has one in progress.
    """
    portfolio = load_config(path)[1]
    at = instant_of(at_text, portfolio)
    record = one_drill(name, portfolio, at)
    ledger = ledger_at(portfolio, portfolio.store, at, record.drill.product)
    measured = measured_drill(ledger, record, at)
    click.echo(
        json.dumps(measured.as_json(), indent=2, ensure_ascii=False)
        if as_json
        else conceal_secrets("\n".join(drill_lines(measured)))
    )


for _command in (finding_command, close_command, sign_off_command, recovery_point_command, report_command):
    drill.add_command(_command)
