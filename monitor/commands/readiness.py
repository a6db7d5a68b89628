"""`ninewatch readiness`: print the state of a product's checklist with its evidence, and the claim ceiling."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from monitor.as_of import ledger_at
from monitor.commands.attest import checklist_of
from monitor.commands.config_option import CONFIG, load_config
from monitor.commands.drill_options import instant_of
from monitor.ledger.product_readiness import readiness_of
from monitor.log import conceal_secrets
from monitor.views.readiness import remedy_text
from sla.interval import SECOND
from sla.objective import Objective
from sla.window import format_instant

if TYPE_CHECKING:
    from collections.abc import Iterator

    from monitor.config.model import Product
    from sla.readiness import ItemStatus, Readiness


@click.command("readiness", short_help="Print the readiness checklist of a product and its claim ceiling.")
@click.argument("product", required=False)
@click.option("--at", "instant", metavar="TIME", help="As of an instant (RFC 3339, or local time).  [default: now]")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object per line and product.")
@CONFIG
def readiness_command(product: str | None, instant: str | None, as_json: bool, path: Path) -> None:
    """Print which items of the checklist of PRODUCT are met, with their evidence, and the claim ceiling.

    Without PRODUCT, prints all products with a checklist. Reads the record, with or without a running daemon. Evidence
    is used as recorded at --at, with the checklist of the current configuration. Exit status: 0, 1 if a ceiling is
    below its objective, 2 error.
    """
    portfolio = load_config(path)[1]
    at = instant_of(instant, portfolio)
    if product is not None:
        checklist_of(portfolio, product)
    ledger = ledger_at(portfolio, portfolio.store, at, product)
    has_low_ceiling = False
    for configured in portfolio.products:
        readiness = readiness_of(ledger, configured.id, at) if product in (None, configured.id) else None
        if readiness is not None:
            has_low_ceiling |= not readiness.allows(configured.objective.ratio)
            text = (
                json.dumps(readiness.as_json(configured.id, configured.objective))
                if as_json
                else "\n".join(_lines(configured, readiness))
            )
            click.echo(text if as_json else conceal_secrets(text))
    sys.exit(1 if has_low_ceiling else 0)


def _lines(product: Product, readiness: Readiness) -> Iterator[str]:
    yield f"{product.id}: {readiness.limit_text(product.objective)}"
    for status in readiness.statuses:
        yield from _item_lines(status)
    if remedy := remedy_text(readiness):
        yield f"  {remedy}"


def _item_lines(status: ItemStatus) -> Iterator[str]:
    cap = "" if status.met else f" (cap {Objective(status.item.cap)})"
    yield f"  {status.state:<7}  {status.item.id}: {status.item.title}{cap}"
    for evidence in status.evidence:
        meaning = {True: "", False: "contrary evidence: ", None: "undecided: "}[evidence.supports]
        name = f" {evidence.id}" if evidence.id else ""
        detail = f": {evidence.detail}" if evidence.detail else ""
        until = format_instant(evidence.until // SECOND * SECOND)
        yield f"{'':11}{meaning}{evidence.kind}{name} by {evidence.by} until {until}{detail}"
