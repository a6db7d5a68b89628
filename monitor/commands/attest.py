"""`ninewatch attest`: attest an item of a product's readiness checklist, and revoke evidence."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from monitor.clock import SystemClock
from monitor.commands.config_option import CONFIG, load_config
from monitor.commands.fact_options import BY_OPTION, end_of, one_line
from monitor.commands.fact_writing import state_fact
from monitor.commands.record_location import RecordLocation, require_record
from monitor.errors import NinewatchError
from sla.evidence import REVOCABLE, EvidenceKind, attestation_fact, revocation_fact, revocations
from sla.measured_evidence import VALIDITY
from sla.window import format_instant

if TYPE_CHECKING:
    from monitor.config.model import Portfolio
    from sla.fact import Fact
    from sla.readiness import Checklist, ChecklistItem


@click.command(short_help="Attest an item of a readiness checklist.")
@click.argument("product", required=False)
@click.argument("item", required=False)
@BY_OPTION
@click.option("--note", default="", help="The proof that the item is met.")
@click.option("--link", default="", metavar="URL", help="Link to the documentation of the proof.")
@click.option(
    "--for", "length", metavar="DURATION", help="Validity from now: 180d.  [default: the longest validity of the item]"
)
@click.option("--until", metavar="TIME", help="End of the validity (RFC 3339, or local time).")
@click.option("--revoke", metavar="ID", help="Revoke the attestation, deployment or drill with this id.")
@click.option("--reason", default="", help="The reason of a revocation.")
@CONFIG
def attest(
    product: str | None,
    item: str | None,
    author: str,
    note: str,
    link: str,
    length: str | None,
    until: str | None,
    revoke: str | None,
    reason: str,
    path: Path,
) -> None:
    """Attest that ITEM of the checklist of PRODUCT is met, until the attestation expires.

    Attestations are appended to the record and never changed; --revoke ID ends one. A running daemon applies them
    within about a second. `ninewatch readiness PRODUCT` lists the items with their evidence.
    """
    location, now = require_record(path), SystemClock().now()
    if revoke is not None:
        if product is not None or note or link or length or until:
            raise NinewatchError("--revoke ID can only be used with --by and --reason; omit the rest")
        state_fact(
            location.record, _revocation(location, revoke, now, one_line("--by", author), one_line("--reason", reason))
        )
        click.echo(f"revoked {revoke}")
        return
    if reason:
        raise NinewatchError("--reason is the reason of a revocation; use --note, or --revoke ID")
    if product is None or item is None:
        raise NinewatchError("PRODUCT or ITEM is missing; use PRODUCT ITEM, or --revoke ID")
    portfolio = load_config(path)[1]
    checklist_item = attestable_item(checklist_of(portfolio, product), item)
    end = now + (checklist_item.validity or VALIDITY)
    if length is not None or until is not None:
        end = end_of("attestation", length, until, portfolio.zone, now)
    texts = (one_line("--note", note) if note else "", one_line("--link", link) if link else "")
    fact = attestation_fact(now, one_line("--by", author), product, item, end, *texts)
    state_fact(location.record, fact)
    valid = end if checklist_item.validity is None else min(end, now + checklist_item.validity)
    click.echo(f"attestation {fact.id}: {item} of {product} is met until {format_instant(valid)}")


def checklist_of(portfolio: Portfolio, product: str) -> Checklist:
    """Return the checklist of the product.

    Raises:
        NinewatchError: the product does not exist or has no checklist.
    """
    configured = next((candidate for candidate in portfolio.products if candidate.id == product), None)
    if configured is None:
        known = ", ".join(product.id for product in portfolio.products)
        raise NinewatchError(f'unknown product "{product}"; known products: {known}')
    if configured.readiness is None:
        raise NinewatchError(f"{product} has no checklist; add `readiness: {{checklist: five-nines}}` to it")
    return configured.readiness.checklist


def attestable_item(checklist: Checklist, item: str) -> ChecklistItem:
    """Return the item of the checklist.

    Raises:
        NinewatchError: the item does not exist or accepts no attestations.
    """
    checklist_item = checklist.find(item)
    if checklist_item is None:
        known = ", ".join(item.id for item in checklist.items)
        raise NinewatchError(f'the checklist {checklist.id} has no item "{item}"; its items are {known}')
    if EvidenceKind.ATTESTATION not in checklist_item.kinds:
        raise NinewatchError(f"{item} accepts no attestation; it accepts {', '.join(checklist_item.kinds)}")
    return checklist_item


def _revocation(location: RecordLocation, name: str, now: int, by: str, reason: str) -> Fact:
    facts = location.facts().all
    revoked = next((fact for fact in facts if fact.id == name and fact.kind in REVOCABLE), None)
    if revoked is None:
        raise NinewatchError(f'no evidence has the id "{name}"; `ninewatch history PRODUCT` lists ids')
    if (revocation := revocations(facts).get(name)) is not None:
        raise NinewatchError(f"{name} is already revoked: {revocation}")
    return revocation_fact(now, by, revoked.product, name, reason)
