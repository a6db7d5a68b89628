"""The readiness of a product, from its checklist and all evidence: configured, stated as facts, and measured."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from monitor.ledger.product_drills import measured_drill
from sla.drill_facts import drills
from sla.evidence import Evidence, EvidenceKind, attestations, deployments, known_at
from sla.measured_evidence import (
    DrillOutcome,
    MonitoredCheck,
    checks_evidence,
    decoupling_evidence,
    deployments_evidence,
    drill_evidence,
)
from sla.readiness import readiness

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from monitor.config.model import Product
    from monitor.config.readiness import ReadinessBlock
    from monitor.ledger.ledger import Ledger
    from sla.fact import Fact
    from sla.readiness import ChecklistItem, Readiness


def readiness_of(ledger: Ledger, product_id: str, at: int) -> Readiness | None:
    """Return the state of the product's checklist at the instant; None without a checklist.

    For a past instant, use the ledger of `monitor/as_of`. The checklist and the
    attestations of the configuration are those of now.

    Raises:
        KeyError: unknown product.
    """
    product = ledger.products[product_id]
    block = product.readiness
    if block is None:
        return None
    facts = evidence_facts(ledger, product_id, at)
    measured = (
        evidence
        for item in block.checklist.items
        for evidence in _measured_evidence(ledger, product, block, item, facts, at)
    )
    return readiness(block.checklist, (*block.attestations, *attestations(facts), *measured), at)


def evidence_facts(ledger: Ledger, product_id: str, at: int) -> Sequence[Fact]:
    """Return the facts about the product that are known and not revoked at the instant."""
    return known_at(ledger.facts.about(product_id), at)


def _measured_evidence(
    ledger: Ledger, product: Product, block: ReadinessBlock, item: ChecklistItem, facts: Sequence[Fact], at: int
) -> Iterator[Evidence]:
    """Yield the measured evidence for the item, of the kinds that it accepts."""
    history = ledger.compositions[product.id]
    if EvidenceKind.DEPLOYMENTS in item.kinds:
        yield from deployments_evidence(item, deployments(facts), history, at, block.deployments, block.settle)
    if EvidenceKind.DECOUPLING in item.kinds:
        dependencies = {name: ledger.compositions[name] for name in product.depends_on}
        yield from decoupling_evidence(item, history, dependencies, at)
    if EvidenceKind.DRILL in item.kinds:
        yield from drill_evidence(item, _drill_outcomes(ledger, product, facts, at))
    if EvidenceKind.SITES in item.kinds and product.sites:
        direct = [_monitored_check(ledger, f"{product.id}/{site.direct.id}") for site in product.sites if site.direct]
        if len(direct) == len(product.sites):
            yield from checks_evidence(item, direct, at, EvidenceKind.SITES)
    if EvidenceKind.CHECKS in item.kinds:
        monitored_checks = [
            _monitored_check(ledger, key)
            for evidence_block in block.evidence
            if evidence_block.item == item.id
            for key in evidence_block.checks
        ]
        if monitored_checks:
            yield from checks_evidence(item, monitored_checks, at)


def _drill_outcomes(ledger: Ledger, product: Product, facts: Sequence[Fact], at: int) -> Iterator[DrillOutcome]:
    """Yield the evidence of the drills that ended until the instant."""
    for drill_record in drills(facts, at):
        record = replace(drill_record, drill=replace(drill_record.drill, product=product.id))  # it may have a former id
        if record.end is not None:
            result = measured_drill(ledger, record, at)
            overdue = tuple(f"{finding.text} ({finding.owner}, due {finding.day})" for finding in record.overdue(at))
            drill = record.drill
            yield DrillOutcome(
                record.id,
                drill.kind.value,
                drill.author,
                record.end.at,
                result.met,
                result.reason,
                overdue,
                timed=drill.rto is not None,
                lost=result.lost,
            )


def _monitored_check(ledger: Ledger, key: str) -> MonitoredCheck:
    entry = ledger.entry(key)
    assert entry is not None, "validated"  # noqa: S101 - for the type checker
    return MonitoredCheck(key, entry.timeline, entry.hold)
