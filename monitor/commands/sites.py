"""`ninewatch sites`: print the sites of a product, the active site, and the failovers."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import click

from monitor.as_of import ledger_at
from monitor.commands.config_option import CONFIG, load_config
from monitor.commands.drill_options import instant_of, require_product
from monitor.errors import NinewatchError
from monitor.log import conceal_secrets
from monitor.views.sites import measured_failovers, sites_json, sites_lines


@click.command("sites", short_help="Print the sites of a product, the active one, and its failovers.")
@click.argument("product", required=False)
@click.option("--at", "instant", metavar="TIME", help="As of an instant (RFC 3339, or local time).  [default: now]")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object per line and product.")
@CONFIG
def sites_command(product: str | None, instant: str | None, as_json: bool, path: Path) -> None:
    """Print the sites of PRODUCT, the active site, and the failovers with duration and downtime.

    Without PRODUCT, prints all products with sites. Reads the record, with or without a running daemon. Exit status: 0,
    1 if the last failover of a product missed the promised failover time, 2 error.
    """
    portfolio = load_config(path)[1]
    if product is not None and not require_product(product, portfolio, path).sites:
        raise NinewatchError(f"{path}: {product} has no sites; add `sites:` to the product")
    at = instant_of(instant, portfolio)
    ledger = ledger_at(portfolio, portfolio.store, at, product)
    missed = False
    for configured in portfolio.products:
        if configured.sites and product in (None, configured.id):
            results = [result for _, result in measured_failovers(ledger, configured.id, at)]
            missed |= bool(results) and results[-1].met is False
            text = (
                json.dumps(sites_json(ledger, configured, at))
                if as_json
                else "\n".join(sites_lines(ledger, configured, at))
            )
            click.echo(text if as_json else conceal_secrets(text))
    sys.exit(1 if missed else 0)
