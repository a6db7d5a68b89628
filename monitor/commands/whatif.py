"""`ninewatch whatif`: replay recorded outages with one change applied, and rank the changes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from monitor.as_of import ledger_at
from monitor.clock import SystemClock
from monitor.commands.config_option import CONFIG, load_config
from monitor.commands.window_option import instant_option, window_option
from monitor.errors import NinewatchError
from monitor.ledger.product_whatif import ProductReplay
from monitor.log import conceal_secrets
from monitor.views.whatif import whatif_view
from sla.whatif_changes import ChangeName

if TYPE_CHECKING:
    from collections.abc import Iterator

    from monitor.config.model import Portfolio, Product
    from monitor.ledger.ledger import Ledger
    from monitor.views.whatif import EffectLine
    from sla.calendar import Window
    from sla.interval import Interval
    from sla.whatif import WhatIf


@click.command("whatif", short_help="Rank changes by the downtime that they would have saved.")
@click.argument("change", metavar="[PLAN-CHANGE]", default="all")
@click.option("--product", "product_id", metavar="ID", help="Only this product.  [default: all products]")
@click.option(
    "--window",
    "window_text",
    default="last 13 months",
    show_default=True,
    help='"last 13 months", "last month", quarter, 90d, or START/END.',
)
@click.option("--at", "at_text", metavar="TIME", help="As known at this RFC 3339 instant.  [default: now]")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object per line and product, as the API does.")
@CONFIG
def whatif_command(
    change: str, product_id: str | None, window_text: str, at_text: str | None, as_json: bool, path: Path
) -> None:
    """Print the downtime that PLAN-CHANGE would have saved, with bounds, cost and assumptions.

    PLAN-CHANGE is decouple/DEPENDENCY, failover/15m, zero-downtime or replica. Without it, or with `all`, all changes
    that the record can show are ranked: the lowest cost per hour saved first, if `plan: costs` of the product has
    costs, then the most downtime saved. Reads the record, with or without a running daemon.
    """
    portfolio = load_config(path)[1]
    name = _change_name(change)
    now = SystemClock().now()
    at = now if at_text is None else min(now, instant_option(at_text, portfolio))
    window = window_option(window_text, at, portfolio)
    products = _products(portfolio, product_id, name)
    ledger = ledger_at(portfolio, portfolio.store, at, product_id)
    for product in products:
        replay = _replay_changes(ledger, product, window.measured, at, name)
        plain = json.dumps(replay.as_json(), ensure_ascii=False)
        click.echo(plain if as_json else conceal_secrets("\n".join(_lines(product, replay, window, portfolio))))


def _change_name(change: str) -> ChangeName | None:
    try:
        return None if change == "all" else ChangeName.parse(change)
    except (ValueError, OverflowError) as error:
        raise NinewatchError(f"{error}; or all") from None


def _products(portfolio: Portfolio, product_id: str | None, name: ChangeName | None) -> list[Product]:
    """Return the product with this id, or all products to which the change applies.

    Raises:
        NinewatchError: there is no such product.
    """
    dependency = "" if name is None else name.dependency
    if product_id is None:
        products = [product for product in portfolio.products if not dependency or dependency in product.depends_on]
        if not products:
            raise NinewatchError(f"no product depends on {dependency}; use `all` for the possible changes")
        return products
    products = [product for product in portfolio.products if product.id == product_id]
    if not products:
        known = ", ".join(product.id for product in portfolio.products)
        raise NinewatchError(f'unknown product "{product_id}"; known products: {known}')
    return products


def _replay_changes(ledger: Ledger, product: Product, window: Interval, at: int, name: ChangeName | None) -> WhatIf:
    try:
        replay = ProductReplay(ledger, product, window, at, name)
    except ValueError as error:
        raise NinewatchError(str(error)) from None
    replay.extend(replay.replayed)
    return replay.result()


def _lines(product: Product, replay: WhatIf, window: Window, portfolio: Portfolio) -> Iterator[str]:
    view = whatif_view(replay, portfolio.zone)
    yield f"{product.id}, {window.name}, recorded since {view.since.local}"
    yield f"  measured: {view.recorded}"
    if view.plan:
        yield f"  plan: {view.plan}"
    for rank, line in enumerate(view.lines, 1):
        yield from _effect_lines(rank, line)
    if not view.lines:
        yield "  no change that the record can show would have saved downtime"
    for assumption in view.assumptions if view.lines else ():
        yield f"  {assumption}"


def _effect_lines(rank: int, line: EffectLine) -> Iterator[str]:
    yield f"  {rank}. {line.text} ({line.id})"
    yield f"     saved: {line.saved} ({line.saved_bounds})"
    yield f"     availability: {line.availability} ({line.availability_bounds})"
    if line.cost:
        yield f"     cost: {line.cost}"
    if line.saved_cost:
        yield f"     cost of the downtime saved: {line.saved_cost}"
    for assumption in line.assumptions:
        yield f"     - {assumption}"
