"""`ninewatch gate`: print whether a product's budget policy lets it be changed now, and override the answer."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from monitor.as_of import ledger_at
from monitor.clock import SystemClock
from monitor.commands.common import CONFIG, loaded
from monitor.commands.statement import end_of, words
from monitor.errors import NinewatchError
from monitor.facts.journal import Journal
from monitor.ledger.release_gate import release_gate
from monitor.log import concealed
from sla.gate import Answer
from sla.gate_override import ANSWERS, GateOverride, ending

if TYPE_CHECKING:
    from monitor.config.model import Portfolio
    from sla.gate import Gate

EXIT = {Answer.GO: 0, Answer.HOLD: 1, Answer.UNKNOWN: 3}


@click.command(short_help="Print whether the budget policy lets a product be changed now.")
@click.argument("product")
@click.option("--json", "as_json", is_flag=True, help="Print the API's JSON.")
@click.option("--override", "answer", type=click.Choice(ANSWERS), help="Set the answer until --for or --until is over.")
@click.option("--for", "length", metavar="DURATION", help="How long the override lasts: 4h.")
@click.option("--until", metavar="TIME", help="Until when (RFC 3339, or local time of the configuration's zone).")
@click.option("--end-override", "ended", is_flag=True, help="End the override that is in force.")
@click.option("--author", default="", help="Your name; required for an override and its end.")
@click.option("--reason", default="", help="The reason; required for an override and its end.")
@CONFIG
def gate_command(
    product: str,
    as_json: bool,
    answer: str | None,
    length: str | None,
    until: str | None,
    ended: bool,
    author: str,
    reason: str,
    path: Path,
) -> None:
    """Print whether PRODUCT may be changed now by its budget policy: go, hold or unknown, with the reason.

    Reads the record, with or without a running daemon; without one the product's state is soon unknown. Exit status:
    0 go, 1 hold, 2 error, 3 unknown. An override is a fact of the record with author, reason and end, and exits with 0.
    """
    portfolio = loaded(path)[1]
    _require(product, portfolio, path)
    now = SystemClock().now()
    if answer is not None or ended:
        if answer is not None and ended:
            raise NinewatchError("--override and --end-override exclude each other; use one")
        who, why = words("--author", author), words("--reason", reason)
        if answer is None:
            _end(_gate(portfolio, product, now), portfolio, now, who, why)
        else:
            over = end_of("override", length, until, portfolio.zone, now)
            _override(GateOverride(now, who, why, product, answer, over), portfolio)
        return
    if any((length, until, author, reason)):
        raise NinewatchError("--for, --until, --author and --reason belong to --override go|hold; add it")
    found = _gate(portfolio, product, now)
    click.echo(json.dumps(found.as_json(product), indent=2) if as_json else concealed(_text(product, found)))
    sys.exit(EXIT[found.answer])


def _require(product: str, portfolio: Portfolio, path: Path) -> None:
    known = [each.id for each in portfolio.products]
    if product not in known:
        raise NinewatchError(f'{path}: there is no product "{product}"; there are {", ".join(known)}')


def _gate(portfolio: Portfolio, product: str, now: int) -> Gate:
    ledger = ledger_at(portfolio, portfolio.store, now, product)
    return release_gate(ledger, ledger.products[product], now)


def _override(made: GateOverride, portfolio: Portfolio) -> None:
    if not portfolio.store.exists():
        raise NinewatchError(f"no record at {portfolio.store}; start the daemon once with `ninewatch run`")
    Journal.of(portfolio.store).add(made.fact())
    click.echo(f"override {made.id}: {made.product} is {made.answer}, {made.text}")


def _end(found: Gate, portfolio: Portfolio, now: int, who: str, why: str) -> None:
    if found.override is None:
        raise NinewatchError("no override is in force; set one with --override go or --override hold")
    Journal.of(portfolio.store).add(ending(found.override, now, who, why))
    click.echo(f"ended override {found.override.id}; the answer is {found.computed.answer}: {found.computed.reason}")


def _text(product: str, found: Gate) -> str:
    lines = [f"{product}: {found.answer}: {found.decision.reason}"]
    if found.decision.decided_by:
        lines.append(f"  would be decided by: {found.decision.decided_by}")
    if found.override is not None:
        lines.append(f"  without the override: {found.computed.answer}: {found.computed.reason}")
    return "\n".join(lines)
