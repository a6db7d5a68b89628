"""`ninewatch continuity`: print the synthetic transactions of a product and their last result."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from monitor.as_of import ledger_at
from monitor.clock import SystemClock
from monitor.commands.config_option import CONFIG, load_config
from monitor.commands.drill_options import require_product
from monitor.errors import NinewatchError
from monitor.facts.intent_log import IntentLog
from monitor.ledger.continuity_register import ContinuityRegister
from monitor.log import conceal_secrets
from monitor.views.continuity import continuity_json, continuity_lines, results_of

if TYPE_CHECKING:
    from monitor.config.model import Portfolio, Product


@click.command("continuity", short_help="Print the effect of failures on transactions in flight.")
@click.argument("product", required=False)
@click.option("--json", "as_json", is_flag=True, help="Print the API's JSON, one transaction per line.")
@CONFIG
def continuity_command(product: str | None, as_json: bool, path: Path) -> None:
    """Print the transactions of the continuity probe of PRODUCT, or of all products, and the last failure's effect.

    Reads the record and the intent log, with or without a running daemon.
    """
    portfolio = load_config(path)[1]
    selected = _select_products(product, portfolio, path)
    now = SystemClock().now()
    ledger = ledger_at(portfolio, portfolio.store, now, product)
    ledger.continuity = ContinuityRegister(IntentLog.of(portfolio.store).read())
    for configured in selected:
        for transaction in continuity_json(ledger, configured.id, now):
            results = results_of(ledger, configured.id, transaction["transaction"], now)
            text = json.dumps(transaction) if as_json else "\n".join(continuity_lines(transaction, results))
            click.echo(text if as_json else conceal_secrets(text))


def _select_products(name: str | None, portfolio: Portfolio, path: Path) -> list[Product]:
    """Return the product with this id, or all products with transactions.

    Raises:
        NinewatchError: no such product has transactions.
    """
    products = list(portfolio.products) if name is None else [require_product(name, portfolio, path)]
    matching = [product for product in products if product.continuity]
    if not matching:
        subject = "no product has" if name is None else f"{name} has no"
        raise NinewatchError(f"{path}: {subject} `continuity:`; add transactions, see docs/continuity.md")
    return matching
