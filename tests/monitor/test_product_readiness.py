"""The readiness of a product from the ledger: every kind of evidence, now and as of past instants."""

from __future__ import annotations

from typing import TYPE_CHECKING

from monitor.facts.fact_index import Facts
from monitor.ledger.product_readiness import readiness_of
from sla.drill import Drill, DrillKind
from sla.drill_facts import drill_end, drill_finding
from sla.evidence import attestation_fact, deployment_fact, revocation_fact
from sla.interval import DAY, HOUR, MINUTE
from sla.readiness import ItemState
from tests.support.ledgers import NOW, history, ledger_of, product

if TYPE_CHECKING:
    from monitor.ledger.ledger import Ledger
    from sla.fact import Fact

BEGIN = NOW - 30 * DAY
OUTAGE = NOW - 10 * DAY
READINESS = {
    "checklist": "five-nines",
    "evidence": [{"item": "ha-database", "checks": ["platform/health"]}],
    "deployments": 2,
}


def ledger_with(*facts: Fact, forms: tuple[tuple[int, int, str], ...] = (), until: int = NOW) -> Ledger:
    """Return forms, which depends on sso, which was down for an hour ten days ago; and the platform."""
    ledger = ledger_of(
        product("forms", 1, "99.99%", depends_on=["sso"], readiness=READINESS), product("sso"), product("platform")
    )
    down = (OUTAGE, OUTAGE + HOUR, "http_status")
    runs = [
        *history("forms/health", BEGIN, until, forms),
        *history("platform/health", BEGIN, until, ()),
        *history("sso/health", BEGIN, until, (down,)),
    ]
    ledger.restore(runs, (), ())
    ledger.facts = Facts(facts)
    return ledger


def state(ledger: Ledger, item: str, at: int = NOW) -> ItemState:
    readiness = readiness_of(ledger, "forms", at)
    assert readiness is not None
    return next(status.state for status in readiness.statuses if status.item.id == item)


def test_survived_outage_of_the_dependency_shows_decoupling() -> None:
    """Before the outage nothing was shown; an outage of both shows the opposite, whatever a person attests."""
    ledger = ledger_with()
    assert (state(ledger, "decoupled", OUTAGE), state(ledger, "decoupled")) == (ItemState.UNMET, ItemState.MET)
    attestation = attestation_fact(BEGIN, "Ana", "forms", "decoupled", NOW + DAY, "retries")
    coupled = ledger_with(attestation, forms=((OUTAGE + 10 * MINUTE, OUTAGE + 30 * MINUTE, "http_status"),))
    assert (state(coupled, "decoupled", OUTAGE), state(coupled, "decoupled")) == (ItemState.MET, ItemState.UNMET)


def test_deployments_without_downtime_are_evidence_until_one_is_revoked() -> None:
    first, second = (deployment_fact(NOW - DAY, "ci", "forms", NOW - days * DAY, "v") for days in (5, 3))
    assert state(ledger_with(first, second), "zero-downtime-deployment") is ItemState.MET
    assert state(ledger_with(first), "zero-downtime-deployment") is ItemState.UNMET
    revocation = revocation_fact(NOW - HOUR, "Bo", "forms", second.id, "another product's")
    revoked = ledger_with(first, second, revocation)
    assert state(revoked, "zero-downtime-deployment") is ItemState.UNMET
    assert state(revoked, "zero-downtime-deployment", NOW - 2 * HOUR) is ItemState.MET
    down = (NOW - 3 * DAY + 2 * MINUTE, NOW - 3 * DAY + 6 * MINUTE, "http_status")
    assert state(ledger_with(first, second, forms=(down,)), "zero-downtime-deployment") is ItemState.UNMET


def test_checks_of_another_product_are_evidence_while_they_are_up() -> None:
    assert state(ledger_with(), "ha-database") is ItemState.MET
    assert state(ledger_with(until=NOW - HOUR), "ha-database") is ItemState.EXPIRED


def drill_facts(*later_facts: Fact, rto: int = 15 * MINUTE) -> tuple[Fact, ...]:
    """Return a failover drill of five minutes of downtime, half an hour long."""
    drill = Drill(NOW - 5 * DAY, "Ana", "forms", DrillKind.FAILOVER, rto)
    return drill.fact(), drill_end(drill.id, "forms", NOW - 5 * DAY + 30 * MINUTE, "Ana"), *later_facts


def test_drill_within_its_recovery_time_is_evidence_until_a_finding_is_overdue() -> None:
    start = NOW - 5 * DAY
    down = ((start + 5 * MINUTE, start + 10 * MINUTE, "http_status"),)
    assert state(ledger_with(*drill_facts(), forms=down), "disaster-recovery") is ItemState.MET
    assert state(ledger_with(*drill_facts(rto=MINUTE), forms=down), "disaster-recovery") is ItemState.UNMET
    facts = drill_facts()
    finding = drill_finding(facts[0].id, "forms", start + HOUR, "Ana", "no runbook", "Bo", "2000-01-01")
    assert state(ledger_with(*facts, finding, forms=down), "disaster-recovery") is ItemState.UNMET
    still = ledger_with(drill_facts()[0], forms=down)
    assert state(still, "disaster-recovery") is ItemState.UNMET  # the drill has not ended


def test_facts_of_another_product_are_no_evidence() -> None:
    other = attestation_fact(BEGIN, "Ana", "sso", "stateless", NOW + DAY, "")
    assert state(ledger_with(other), "stateless") is ItemState.UNMET
    assert readiness_of(ledger_with(), "sso", NOW) is None
