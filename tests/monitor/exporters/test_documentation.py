"""docs/metrics.md lists all metric families with their labels, and whether counters restart with the process."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from monitor.delivery_status import Deliveries, DeliveryState, DeliveryStatus, ShippingStatus, VantageLink
from monitor.exporters.documentation import metrics_page
from monitor.exporters.exposition import Dialect
from monitor.exporters.prometheus import Exporter
from monitor.facts.fact_index import Facts
from monitor.health import Health
from monitor.vantage_status import VantageStatus
from sla.availability import Bounds
from sla.continuity import ContinuityResult
from sla.drill import Drill, DrillKind
from sla.drill_facts import drill_detected, drill_end, drill_finding, drill_recovery_point
from sla.failover import FailoverResult
from sla.failover_facts import failover_end_fact, site_change_fact
from sla.interval import MINUTE, SECOND
from sla.pause import Pause
from sla.sites import ChangeKind, SiteChange
from sla.vantage import ClockOffset
from tests.support.clocks import ManualClock
from tests.support.ledgers import BAD_RESULT, GOOD_RESULT, NOW, FakeCheck, ledger_of, observe, probe_all, product

if TYPE_CHECKING:
    from sla.fact import Fact

LIMITS = {"longest_outage": "10m"}
TRANSACTION = {"id": "row", "redis": {"address": "127.0.0.1:1"}}
ROW = re.compile(r"^\| `(\w+)` \| (\w+) \| (.*?) \|.*\| (yes|no|) ?\|$", re.MULTILINE)
LISTED = {
    name: (kind, set(re.findall(r"\w+", labels)), restarts)
    for name, kind, labels, restarts in ROW.findall(metrics_page())
}


def drill_facts(product_id: str) -> list[Fact]:
    """Return the facts of an ended drill with a detection, a recovery point and a finding."""
    start, author = NOW - 590 * SECOND, "Ada"
    drill = Drill(start, author, product_id, DrillKind.FAILOVER, rto=15 * MINUTE)
    about = (drill.id, product_id)
    return [
        drill.fact(),
        drill_detected(*about, start + 60 * SECOND, author, "incident"),
        drill_recovery_point(*about, start + 61 * SECOND, author, SECOND, "tool"),
        drill_finding(*about, start + 62 * SECOND, author, "slow", "Ada", "2027-01-31"),
        drill_end(*about, NOW - SECOND, author),
    ]


def continuity_fact(product_id: str) -> Fact:
    """Return the fact of a result with a recovery point in all bounds."""
    failed = Bounds(NOW - 30 * SECOND, NOW - 25 * SECOND, NOW - 20 * SECOND)
    lengths = Bounds[int | None](SECOND, 2 * SECOND, 3 * SECOND)
    return ContinuityResult(product_id, "row", failed, NOW - SECOND, {"lost": 1}, lengths).fact(NOW - SECOND, "Ada")


def failover_facts(product_id: str) -> list[Fact]:
    """Return the facts of a site change and of its final figures."""
    start, author = NOW - 590 * SECOND, "ninewatch"
    change = site_change_fact(SiteChange(ChangeKind.FAILOVER, "dr", "gold", start, start), product_id, start, author)
    length = Bounds[int | None](SECOND, SECOND, SECOND)
    result = FailoverResult(start, start + SECOND, length, length, True, True, "")
    return [change, failover_end_fact(change.id, result, product_id, NOW - 500 * SECOND, author)]


DESIGN = {"down_by_design": {"failover_of": "css"}}


def site() -> dict[str, object]:
    """Return a site with its two checks."""
    checks = {key: FakeCheck(id=f"gold-{key}", interval="1m", timeout="10s") for key in ("active", "direct")}
    return {"id": "gold", **checks}


def published_families() -> dict[str, tuple[str, set[str]]]:
    """Render a page of /metrics with a value in every family, and return type and labels of the families."""
    ledger = ledger_of(
        product("chefs", agreement=LIMITS, readiness={"checklist": "five-nines"}, depends_on=("css",), **DESIGN),
        product(
            "css",
            objective="99.99%",
            objectives=[{"latency": "95% under 400ms"}],
            continuity=[TRANSACTION],
            sites=[site()],
        ),
    )
    entry = ledger.entries["chefs/health"]
    entry.check = entry.check.model_copy(update={"slow_after": SECOND})
    probe_all(ledger, ledger.entries.values(), NOW - 3600 * SECOND, NOW - 600 * SECOND)
    probe_all(ledger, [ledger.entries["css/health"]], NOW - 540 * SECOND, NOW, BAD_RESULT)
    observe(ledger, entry, NOW, GOOD_RESULT)
    ledger.latencies.add("css/health", NOW, SECOND, {})
    probe_all(ledger, ledger.site_entries.values(), NOW - 540 * SECOND, NOW)
    pause = Pause("css", "css/health", NOW - SECOND, None, "Ada", "moved").fact()
    ledger.facts = Facts(drill_facts("css"), [continuity_fact("css"), pause], failover_facts("css"))
    ledger.journeys.left_behind["css/health"] = 1
    health = Health(config_reload_at=0, blackbox_reload_success=True, blackbox_reload_at=0)
    health.anchored_until, health.anchor_failures = {"id": 0}, {"id": 0}
    health.vantages = (VantageStatus("local", None, 0, {"ip4": True}, ()),)
    link = VantageLink(NOW, "1", same_checks=True, clock=ClockOffset(0, 0))
    east = DeliveryStatus("east", DeliveryState.DELIVERING, 0, NOW, 1, (), link=link)
    health.deliveries = Deliveries((east,), assured_since=0)
    health.shipping = ShippingStatus(delivered_at=NOW, oldest=NOW)
    page = b"".join(Exporter(ledger, health, ManualClock(NOW)).render(Dialect.OPENMETRICS)).decode()
    families: dict[str, tuple[str, set[str]]] = {}
    for family in text_string_to_metric_families(page):
        for sample in family.samples:
            _, labels = families.setdefault(sample.name, (family.type, set()))
            labels |= set(sample.labels)
    return {name: description for name, description in families.items() if not name.startswith("process_")}


def test_every_published_family_is_listed_with_its_labels() -> None:
    assert published_families() == {name: (kind, labels) for name, (kind, labels, _) in LISTED.items()}


def test_every_counter_belongs_to_the_record_or_the_process() -> None:
    counters = {name: restarts for name, (kind, _, restarts) in LISTED.items() if kind == "counter"}
    assert {name for name, restarts in counters.items() if restarts == "no"} == {
        "ninewatch_certain_downtime_seconds_total",
        "ninewatch_incidents_total",
        "ninewatch_observations_total",
    }
    assert set(counters.values()) == {"yes", "no"}
    assert {restarts for kind, _, restarts in LISTED.values() if kind != "counter"} == {""}


@pytest.mark.parametrize("name", [name for name, (_, _, restarts) in LISTED.items() if restarts == "yes"])
def test_help_of_a_process_counter_mentions_the_process(name: str) -> None:
    (row,) = re.findall(rf"^\| `{name}` .*$", metrics_page(), flags=re.MULTILINE)
    assert "since the daemon started" in row


def test_page_is_linked_from_the_readme() -> None:
    readme = (Path(__file__).parents[3] / "README.md").read_text(encoding="utf-8")
    assert "docs/metrics.md" in readme
