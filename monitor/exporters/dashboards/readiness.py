"""The readiness dashboard: claim ceilings, objectives, checklist items, the last drills, and sites."""

from __future__ import annotations

from collections.abc import Iterator

from monitor.exporters.dashboards import style
from monitor.exporters.dashboards.expressions import (
    CEILING,
    OBJECTIVE,
    PRODUCT,
    by_product,
    nines,
    promised_availability,
    rounded_down,
)
from monitor.exporters.dashboards.panels import Column, PanelBuilder, Query, Row, figures, gauges, lines, value

_SUPPORTED = f"({CEILING} >= bool {OBJECTIVE})"


def readiness_rows() -> Iterator[Row]:
    """Yield the rows from top to bottom."""
    yield Row("Readiness", (*_counts(), _ceilings(), *_trends()))
    yield Row("Drills", (_drills(),))
    yield Row("Sites", (_sites(), _active_sites()))
    yield Row("Transactions in flight", (_transactions(), _closed_transactions()))


def _counts() -> Iterator[PanelBuilder]:
    yield value(
        "Ceiling below objective",
        "Number of products whose objective is above the claim ceiling, because of unmet readiness items.",
        "none",
        Query(f"sum({_SUPPORTED} == bool 0)"),
        steps=style.ANY_IS_WARNING,
        width=8,
    )
    yield value(
        "Objective supported",
        "Number of products whose objective is not above the claim ceiling.",
        "none",
        Query(f"sum({_SUPPORTED})"),
        steps=style.from_zero(style.GOOD),
        width=8,
    )
    yield value(
        "Without a checklist",
        "Number of products without a readiness checklist, and so without a claim ceiling.",
        "none",
        Query(f"count({OBJECTIVE}) - (count({CEILING}) or vector(0))"),
        steps=style.from_zero(style.WARNING),
        width=8,
    )


def _ceilings() -> PanelBuilder:
    return figures(
        "Ceilings and objectives",
        "Ceiling: highest availability that may be claimed with the unmet readiness items. The product's page lists "
        "the items. Products without a checklist have no ceiling.",
        "product",
        {
            "Objective supported": Column(_SUPPORTED, names=style.YES_NO),
            "Ceiling": Column(CEILING, "percentunit"),
            "Objective": Column(OBJECTIVE, "percentunit"),
            "Nines of the ceiling": Column(nines(CEILING), decimals=2),
            "Nines of the objective": Column(nines(OBJECTIVE), decimals=2),
            "Measured, minimum": Column(rounded_down(promised_availability("low")), "percentunit"),
        },
    )


def _drills() -> PanelBuilder:
    return figures(
        "Last drills",
        "The last ended drill of each product, the slowest if it has drills of several kinds. Products without a drill "
        "have no row.",
        "product",
        {
            "In progress": Column(by_product("ninewatch_drill_active"), names=style.YES_NO),
            "Ended ago": Column(by_product("ninewatch_last_drill_age_seconds", function="min"), "s"),
            "Met RTO and RPO": Column(by_product("ninewatch_drill_met", function="min"), names=style.YES_NO),
            "Recovery time, maximum": Column(by_product("ninewatch_drill_recovery_time_seconds", 'bound="high"'), "s"),
            "Recovery point": Column(by_product("ninewatch_drill_recovery_point_seconds"), "s"),
            "Detected after": Column(by_product("ninewatch_drill_detection_seconds"), "s"),
            "Findings overdue": Column(by_product("ninewatch_drill_findings_overdue"), steps=style.ANY_IS_WARNING),
        },
    )


def _sites() -> PanelBuilder:
    return figures(
        "Sites and failovers",
        "Products with sites. Of the last failover and the last failback, the one that took longer. The product's page "
        "lists all of them.",
        "product",
        {
            "One site active": Column(by_product("ninewatch_sites_state", 'state="one"'), names=style.YES_NO),
            "All answer directly": Column(by_product("ninewatch_site_direct_up", function="min"), names=style.YES_NO),
            "Promised time kept": Column(by_product("ninewatch_failover_met", function="min"), names=style.YES_NO),
            "Failover, maximum": Column(by_product("ninewatch_failover_duration_seconds", 'bound="high"'), "s"),
            "Downtime, maximum": Column(by_product("ninewatch_failover_downtime_seconds", 'bound="high"'), "s"),
        },
    )


def _active_sites() -> PanelBuilder:
    return lines(
        "Active site",
        "1 while the site is the active one. No line while that is unknown, or several sites are active.",
        "none",
        Query(by_product("ninewatch_site_active", labels="product, site"), "{{product}} {{site}}"),
        width=24,
    )


def _transactions() -> PanelBuilder:
    recovery_point = by_product("ninewatch_continuity_recovery_point_seconds", 'bound="high"')
    left_behind = by_product("ninewatch_continuity_possibly_left_behind", function="sum")
    return figures(
        "Continuity probe",
        "Synthetic transactions that are kept open, and what the last failure did to them.",
        "product",
        {
            "Open": Column(by_product("ninewatch_continuity_open", function="sum")),
            "Lost": Column(by_product("ninewatch_continuity_lost", function="sum"), steps=style.ANY_IS_WARNING),
            "Recovery point, maximum": Column(recovery_point, "s"),
            "Possibly left behind": Column(left_behind, steps=style.ANY_IS_WARNING),
        },
    )


def _closed_transactions() -> PanelBuilder:
    increase = f"increase(ninewatch_continuity_transactions_total{{{PRODUCT}}}[1h])"
    return lines(
        "Closed transactions",
        "Transactions of the continuity probe that were closed in the last hour, by state.",
        "none",
        Query(f"sum by (product, state) ({increase})", "{{product}} {{state}}"),
        width=24,
    )


def _trends() -> Iterator[PanelBuilder]:
    yield gauges(
        "Nines that may be claimed",
        "The claim ceiling as a number of nines.",
        "none",
        Query(nines(CEILING), "{{product}}"),
        style.PLAIN,
        width=12,
    )
    yield lines(
        "Claim ceiling",
        "The ceiling changes when evidence of a readiness item is added, expires or is revoked.",
        "percentunit",
        Query(CEILING, "{{product}}"),
        width=12,
    )
    yield lines(
        "Readiness items",
        "Items of the readiness checklists by state.",
        "none",
        Query("sum by (state) (" + by_product("ninewatch_readiness_items", labels="product, state") + ")", "{{state}}"),
        width=24,
        stacked=True,
    )
