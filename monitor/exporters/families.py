"""Metric families with one sample per check or product; `docs/metrics.md` lists all families."""

from __future__ import annotations

from enum import IntEnum, auto
from typing import Final

from monitor.exporters.exposition import Family

# The first 5 families have the names and meanings of blackbox_exporter, so that its dashboards and rules work. The only
# difference: certificates outside the verified chain are ignored.
_PROBE, _CHECK = "product check kind", "product check"
CHECK_FAMILIES: Final = (
    Family("probe_success", "gauge", "1 if the last probe was good, 0 if bad; absent if unknown", "", _PROBE),
    Family("probe_duration_seconds", "gauge", "Duration of the last probe", "seconds", _PROBE),
    Family(
        "probe_phase_duration_seconds",
        "gauge",
        "Duration of each phase of the last probe",
        "seconds",
        f"{_PROBE} phase",
    ),
    Family(
        "probe_http_status_code", "gauge", "HTTP status of the last response; absent without a response", "", _PROBE
    ),
    Family(
        "probe_ssl_earliest_cert_expiry",
        "gauge",
        "Earliest expiry of the verified certificate chain, Unix time",
        labels=_PROBE,
    ),
    Family(
        "ninewatch_probes_total", "counter", "Probes since the daemon started, by outcome", labels=f"{_CHECK} outcome"
    ),
    Family(
        "ninewatch_check_up", "gauge", "1 if the check is up, 0 if down; absent while its state is unknown", "", _CHECK
    ),
    Family("ninewatch_check_unknown", "gauge", "1 while the state of the check is unknown", labels=_CHECK),
    Family(
        "ninewatch_slow_probes_total",
        "counter",
        "Good probes that took longer than slow_after, since the daemon started; absent without slow_after",
        labels=_CHECK,
    ),
    Family(
        "ninewatch_check_outage",
        "gauge",
        "1 while the check has an open incident, even if its state is unknown; absent before a known state",
        labels=_CHECK,
    ),
    Family(
        "ninewatch_observations_total",
        "counter",
        "Observations on record, by outcome",
        labels=f"{_CHECK} outcome",
        recorded=True,
    ),
)
_WINDOW, _BOUND, _PROMISE = "product window", "product window bound", "product promise"
PRODUCT_FAMILIES: Final = (
    Family(
        "ninewatch_product_state",
        "gauge",
        "1 for the state of the product, 0 for the other states",
        labels="product state",
    ),
    Family(
        "ninewatch_availability_ratio",
        "gauge",
        "Availability with bounds that contain the true value",
        "ratio",
        _BOUND,
    ),
    Family("ninewatch_coverage_ratio", "gauge", "Known share of the window", "ratio", _WINDOW),
    Family("ninewatch_downtime_seconds", "gauge", "Downtime: minimum, estimate and maximum", "seconds", _BOUND),
    Family(
        "ninewatch_burn_rate",
        "gauge",
        "Burn rate: 1 spends the budget exactly by the end of the window of the objective",
        "",
        _WINDOW,
    ),
    Family(
        "ninewatch_budget_allowed_seconds",
        "gauge",
        "Downtime that the objective allows in the window",
        "seconds",
        _WINDOW,
    ),
    Family(
        "ninewatch_budget_remaining_seconds",
        "gauge",
        "Part of the budget that is not spent; negative if the budget is overspent",
        "seconds",
        _WINDOW,
    ),
    Family("ninewatch_objective_ratio", "gauge", "The objective", "ratio", "product"),
    Family(
        "ninewatch_claim_ceiling_ratio",
        "gauge",
        "Highest availability that may be claimed with unmet readiness items",
        "ratio",
        "product",
    ),
    Family(
        "ninewatch_incidents_total", "counter", "Incidents on record", labels="product", recorded=True, exemplars=True
    ),
    Family("ninewatch_incidents_open", "gauge", "Incidents that are not resolved", labels="product"),
    Family("ninewatch_contractual_availability_ratio", "gauge", "Contractual availability", "ratio", _BOUND),
    Family(
        "ninewatch_budget_exhaustion_timestamp_seconds",
        "gauge",
        "Instant at which the budget is spent at the burn rate of the last 24 hours (now if spent); absent if it lasts",
        "seconds",
        _WINDOW,
    ),
    Family("ninewatch_outage_limit_seconds", "gauge", "Promised limit on outages", "seconds", _PROMISE),
    Family(
        "ninewatch_outage_seconds",
        "gauge",
        "Longest or total contractual outage that a limit applies to",
        "seconds",
        f"{_PROMISE} bound",
    ),
    Family(
        "ninewatch_open_incident_info",
        "gauge",
        "1 for each open incident, with the result of its first failing probe",
        labels="product check incident reason status detail",
    ),
    Family(
        "ninewatch_product_outage",
        "gauge",
        "1 while open incidents keep the product down, even if its state is unknown; absent before a known state",
        labels="product",
    ),
    Family(
        "ninewatch_alerting_burn_rate",
        "gauge",
        "Burn rate over the long look-back of a burn alert while it fires, else 0; absent while all is unknown",
        labels=_WINDOW,
    ),
    Family(
        "ninewatch_burn_alert_threshold",
        "gauge",
        "Burn rate at which a burn alert fires; absent if it can never fire",
        labels=_WINDOW,
    ),
    Family(
        "ninewatch_burn_alert_possible",
        "gauge",
        "0 if the burn alert can never fire, see check-config; 1 if it can",
        labels=_WINDOW,
    ),
    Family(
        "ninewatch_objective_window_seconds",
        "gauge",
        "Length of the window of the objective; for a calendar window, the length of the present period",
        "seconds",
        _WINDOW,
    ),
    Family(
        "ninewatch_certain_downtime_seconds_total",
        "counter",
        "Certain raw downtime on record; corrections, maintenance and agreements do not reduce it",
        "seconds",
        "product",
        recorded=True,
    ),
    Family(
        "ninewatch_product_up", "gauge", "1 if the product is up, 0 if down; absent while unknown", labels="product"
    ),
    Family(
        "ninewatch_product_dependency_info",
        "gauge",
        "1 for each product that the product depends on directly",
        labels="product dependency",
    ),
    Family(
        "ninewatch_gate_state",
        "gauge",
        "1 for the answer of the release gate (go, hold, unknown), 0 for the other answers",
        labels="product state",
    ),
    Family(
        "ninewatch_downtime_cause_seconds",
        "gauge",
        "Estimated raw downtime by cause: own (all dependencies were up), dependency (one was down), unclear; "
        "absent without dependencies",
        "seconds",
        f"{_WINDOW} cause",
    ),
    Family(
        "ninewatch_readiness_ceiling_ratio",
        "gauge",
        "Claim ceiling of the readiness checklist; absent if all items are met, or without a checklist",
        "ratio",
        "product",
    ),
    Family(
        "ninewatch_readiness_items",
        "gauge",
        "Items of the readiness checklist by state: met, unmet, expired",
        labels="product state",
    ),
    Family(
        "ninewatch_product_degraded",
        "gauge",
        "1 while the product is up and degraded, 0 if it is up and not degraded; absent while it is not up",
        labels="product",
    ),
)


class ProductColumn(IntEnum):
    """The index of each family in `PRODUCT_FAMILIES`, and of its text in the samples of a product."""

    STATE = 0
    AVAILABILITY = auto()
    COVERAGE = auto()
    DOWNTIME = auto()
    BURN_RATE = auto()
    BUDGET_ALLOWED = auto()
    BUDGET_REMAINING = auto()
    OBJECTIVE = auto()
    CLAIM_CEILING = auto()
    INCIDENTS = auto()
    INCIDENTS_OPEN = auto()
    CONTRACTUAL_AVAILABILITY = auto()
    BUDGET_EXHAUSTION = auto()
    OUTAGE_LIMIT = auto()
    OUTAGE_SECONDS = auto()
    OPEN_INCIDENT_INFO = auto()
    OUTAGE = auto()
    ALERTING_BURN_RATE = auto()
    BURN_ALERT_THRESHOLD = auto()
    BURN_ALERT_POSSIBLE = auto()
    OBJECTIVE_WINDOW = auto()
    CERTAIN_DOWNTIME = auto()
    UP = auto()
    DEPENDENCY_INFO = auto()
    GATE_STATE = auto()
    DOWNTIME_CAUSE = auto()
    READINESS_CEILING = auto()
    READINESS_ITEMS = auto()
    DEGRADED = auto()


FIGURES_AGE: Final = Family(
    "ninewatch_figures_age_seconds", "gauge", "Age of the oldest figures of a product on this page", "seconds"
)
SILENCES: Final = Family(
    "ninewatch_silences", "gauge", "Active silences, by scope: all, product, alert", labels="covers"
)
PAUSED: Final = Family(
    "ninewatch_check_paused",
    "gauge",
    "1 while the check is paused or disabled; absent otherwise",
    labels="product check",
)
SAMPLES_OMITTED: Final = Family(
    "ninewatch_samples_omitted",
    "gauge",
    "Open incidents without a sample of ninewatch_open_incident_info, because of the limit per page",
)
