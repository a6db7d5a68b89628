"""Metric families of features: latency objectives, drills, the continuity probe, journeys, sites."""

from __future__ import annotations

from typing import Final

from monitor.exporters.exposition import Family

_LATENCY: Final = "product check objective"
LATENCY_FAMILIES: Final = (
    Family(
        "ninewatch_fast_answers_ratio",
        "gauge",
        "Share of the responses in the window of the latency objective that were faster than its limit, with bounds; "
        "check is empty for an objective of the product",
        "ratio",
        f"{_LATENCY} bound",
    ),
    Family("ninewatch_latency_objective_ratio", "gauge", "The promised share of fast responses", "ratio", _LATENCY),
    Family(
        "ninewatch_latency_budget_remaining_ratio",
        "gauge",
        "Share of the responses that may still be slow; negative if the budget is overspent; absent without responses",
        "ratio",
        _LATENCY,
    ),
    Family(
        "ninewatch_latency_burn_rate",
        "gauge",
        "Share of slow responses since the start of yesterday, divided by the allowed share; absent without responses",
        labels=_LATENCY,
    ),
    Family(
        "ninewatch_latency_alerting_burn_rate",
        "gauge",
        "Burn rate of the latency objective if its alert fires, 0 if it does not; absent without recent responses",
        labels=_LATENCY,
    ),
)
_DRILL: Final = "product kind"
DRILL_FAMILIES: Final = (
    Family("ninewatch_drill_active", "gauge", "1 while a drill of the product is in progress", labels=_DRILL),
    Family("ninewatch_last_drill_age_seconds", "gauge", "Time since the end of the last drill", "seconds", _DRILL),
    Family(
        "ninewatch_drill_recovery_time_seconds",
        "gauge",
        "Recovery time actual of the last ended drill, with bounds; an unknown bound is absent",
        "seconds",
        f"{_DRILL} bound",
    ),
    Family(
        "ninewatch_drill_recovery_point_seconds",
        "gauge",
        "Recovery point actual of the last ended drill; absent if nothing measured it",
        "seconds",
        _DRILL,
    ),
    Family(
        "ninewatch_drill_detection_seconds",
        "gauge",
        "Time from the failure to the first incident in the last ended drill",
        "seconds",
        _DRILL,
    ),
    Family(
        "ninewatch_drill_met",
        "gauge",
        "1 if the last ended drill met RTO and RPO, 0 if not; absent if undecided",
        labels=_DRILL,
    ),
    Family(
        "ninewatch_drill_findings_overdue",
        "gauge",
        "Findings of drills that are open after their due day",
        labels="product",
    ),
)
_TRANSACTION: Final = "product transaction"
CONTINUITY_FAMILIES: Final = (
    Family("ninewatch_continuity_open", "gauge", "Open transactions of the continuity probe", labels=_TRANSACTION),
    Family(
        "ninewatch_continuity_transactions_total",
        "counter",
        "Transactions of the continuity probe that were closed since the daemon started, by state",
        labels=f"{_TRANSACTION} state",
    ),
    Family(
        "ninewatch_continuity_possibly_left_behind",
        "gauge",
        "Transactions of the last 30 days whose data may still exist on the target",
        labels=_TRANSACTION,
    ),
    Family(
        "ninewatch_continuity_recovery_point_seconds",
        "gauge",
        "Recovery point actual of the last failure, with bounds; an unknown bound is absent",
        "seconds",
        f"{_TRANSACTION} bound",
    ),
    Family(
        "ninewatch_continuity_lost",
        "gauge",
        "Transactions that the last failure lost; absent if no failure met open transactions",
        labels=_TRANSACTION,
    ),
)
JOURNEY_FAMILIES: Final = (
    Family(
        "ninewatch_journey_pending", "gauge", "Runs of a journey that are not cleaned up yet", labels="product check"
    ),
    Family(
        "ninewatch_journey_possibly_left_behind",
        "gauge",
        "Runs of a journey in the last 30 days whose data may still exist on the target",
        labels="product check",
    ),
)
_FAILOVER: Final = "product kind"
SITE_FAMILIES: Final = (
    Family(
        "ninewatch_site_active",
        "gauge",
        "1 if the site is the active one, 0 if not; absent while that is unknown or several sites are active",
        labels="product site",
    ),
    Family(
        "ninewatch_sites_state",
        "gauge",
        "1 for the state of the sites: one, several, none, unknown",
        "",
        "product state",
    ),
    Family(
        "ninewatch_site_direct_up",
        "gauge",
        "1 if the direct check of the site is up, 0 if down; absent while its state is unknown",
        labels="product site",
    ),
    Family(
        "ninewatch_failover_duration_seconds",
        "gauge",
        "Duration of the last failover and failback, with bounds; an unknown bound is absent",
        "seconds",
        f"{_FAILOVER} bound",
    ),
    Family(
        "ninewatch_failover_downtime_seconds",
        "gauge",
        "Downtime in the last failover and failback, with bounds",
        "seconds",
        f"{_FAILOVER} bound",
    ),
    Family(
        "ninewatch_failover_met",
        "gauge",
        "1 if the last failover kept the promised failover time, 0 if not; absent if undecided",
        labels=_FAILOVER,
    ),
    Family(
        "ninewatch_product_down_by_design",
        "gauge",
        "1 while the product is down by design during a failover, 0 otherwise; absent unless it is configured",
        labels="product",
    ),
)
