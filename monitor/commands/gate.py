"""`ninewatch gate`: print the release gate of a product, and override it."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from monitor.as_of import ledger_at
from monitor.clock import SystemClock
from monitor.commands.config_option import CONFIG, load_config
from monitor.commands.fact_options import by_option, end_of, one_line
from monitor.commands.fact_writing import state_fact
from monitor.errors import NinewatchError
from monitor.ledger.release_gate import release_gate
from monitor.log import conceal_secrets
from sla.gate import Answer
from sla.gate_override import ANSWERS, GateOverride, gate_override_end

if TYPE_CHECKING:
    from monitor.config.model import Portfolio
    from sla.gate import Gate

EXIT_STATUS = {Answer.GO: 0, Answer.HOLD: 1, Answer.UNKNOWN: 3}


@click.command(short_help="Print whether a product may be changed now by its budget policy.")
@click.argument("product")
@click.option("--json", "as_json", is_flag=True, help="Print the API's JSON.")
@click.option("--override", "answer", type=click.Choice(ANSWERS), help="Override the answer until --for or --until.")
@click.option("--for", "length", metavar="DURATION", help="Duration of the override: 4h.")
@click.option("--until", metavar="TIME", help="End (RFC 3339, or local time in the configuration's zone).")
@click.option("--end-override", "ended", is_flag=True, help="End the override that is in force.")
@by_option(required=False, text="Your name; required for an override and its end.")
@click.option("--reason", default="", help="The reason; required for an override and its end.")
@CONFIG
def gate_command(
    product: str,
    as_json: bool,
    answer: str | None,
    length: str | None,
    until: str | None,
    ended: bool,
    author: str | None,
    reason: str,
    path: Path,
) -> None:
    """Print whether the budget policy of PRODUCT allows changes now: go, hold or unknown, with the reason.

    Reads the record, with or without a running daemon. Without a daemon the product's state becomes unknown. Exit
    status: 0 go, 1 hold, 2 error, 3 unknown. An override is a fact of the record with author, reason and end; setting
    or ending one exits with 0.
    """
    portfolio = load_config(path)[1]
    _require_product(product, portfolio, path)
    now = SystemClock().now()
    if answer is not None or ended:
        if answer is not None and ended:
            raise NinewatchError("--override and --end-override exclude each other; use one")
        author, reason = one_line("--by", author or ""), one_line("--reason", reason)
        if answer is None:
            _end_override(_gate(portfolio, product, now), portfolio, now, author, reason)
        else:
            end = end_of("override", length, until, portfolio.zone, now)
            _override(GateOverride(now, author, reason, product, answer, end), portfolio)
        return
    if any((length, until, author, reason)):
        raise NinewatchError("--for, --until, --by and --reason need --override go|hold; add it")
    gate = _gate(portfolio, product, now)
    click.echo(json.dumps(gate.as_json(product), indent=2) if as_json else conceal_secrets(_text(product, gate)))
    sys.exit(EXIT_STATUS[gate.answer])


def _require_product(product: str, portfolio: Portfolio, path: Path) -> None:
    known = [configured.id for configured in portfolio.products]
    if product not in known:
        raise NinewatchError(f'{path}: unknown product "{product}"; known products: {", ".join(known)}')


def _gate(portfolio: Portfolio, product: str, now: int) -> Gate:
    ledger = ledger_at(portfolio, portfolio.store, now, product)
    return release_gate(ledger, ledger.products[product], now)


def _override(override: GateOverride, portfolio: Portfolio) -> None:
    if not portfolio.store.exists():
        raise NinewatchError(f"no record at {portfolio.store}; start the daemon once with `ninewatch run`")
    state_fact(portfolio.store, override.fact())
    click.echo(f"override {override.id}: {override.product} is {override.answer}, {override.text}")


def _end_override(gate: Gate, portfolio: Portfolio, now: int, author: str, reason: str) -> None:
    if gate.override is None:
        raise NinewatchError("no override is in force; set one with --override go or --override hold")
    state_fact(portfolio.store, gate_override_end(gate.override, now, author, reason))
    click.echo(f"ended override {gate.override.id}; the answer is {gate.computed.answer}: {gate.computed.reason}")


def _text(product: str, gate: Gate) -> str:
    lines = [f"{product}: {gate.answer}: {gate.decision.reason}"]
    if gate.decision.decided_by:
        lines.append(f"  depends on {gate.decision.decided_by}")
    if gate.override is not None:
        lines.append(f"  without the override: {gate.computed.answer}: {gate.computed.reason}")
    return "\n".join(lines)
