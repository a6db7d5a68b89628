"""The sections and panels of the dashboard.

Names of metrics are those of `monitor.exporters.prometheus`.
"""

from __future__ import annotations

from collections.abc import Iterator

from monitor.exporters.panels import (
    AMBER,
    GREEN,
    GREY,
    RED,
    Panel,
    Query,
    Section,
    bars,
    series,
    stat,
    states,
    steps,
    table,
)
from monitor.exporters.products import window_name
from sla.alerting import BURN_POLICIES

PRODUCT = 'product=~"$product"'


def sections() -> Iterator[Section]:
    """Yield the dashboard's sections from top to bottom: the products, then the monitor itself."""
    yield Section("Portfolio", (*_counts(), _timeline(), _figures()))
    yield Section("Availability", tuple(_availability()))
    yield Section("Downtime budget", tuple(_budget()))
    yield Section("Incidents and probes", tuple(_probes()))
    yield Section("The monitor itself", tuple(_daemon()))


def _state(name: str) -> str:
    return f'ninewatch_product_state{{{PRODUCT},state="{name}"}}'


def _counts() -> Iterator[Panel]:
    for state, colour in (("up", GREEN), ("down", RED), ("unknown", GREY)):
        query = Query(f"sum({_state(state)})", instant=True)
        description = f"Number of selected products that are {state} now."
        yield stat(f"Products {state}", description, "none", query, steps=steps(GREY, (1, colour)))
    yield stat(
        "Open incidents",
        "Incidents of checks; not every incident takes its product down.",
        "none",
        Query(f"sum(ninewatch_incidents_open{{{PRODUCT}}})", instant=True),
        steps=steps(GREEN, (1, RED)),
    )
    yield stat(
        "Next certificate expires in",
        "Earliest expiry of all certificates that probes received.",
        "s",
        Query(f"min(probe_ssl_earliest_cert_expiry{{{PRODUCT}}}) - time()", instant=True),
        steps=steps(RED, (3 * 86400, AMBER), (21 * 86400, GREEN)),
    )
    yield stat(
        "Smallest budget left",
        "Smallest share of budget left in a product's own window; below 0 the objective is missed.",
        "percentunit",
        Query(f"min({_budget_left()})", instant=True),
        steps=steps(RED, (0, AMBER), (0.25, GREEN)),
    )


def _timeline() -> Panel:
    return states(
        "State",
        "State of each product. Unknown time counts neither as up nor as down.",
        Query(f"max by (product) ({_state('up')}) + 2 * max by (product) ({_state('down')})", "{{product}}"),
        {0: ("unknown", GREY), 1: ("up", GREEN), 2: ("DOWN", RED)},
    )


def _figures() -> Panel:
    return table(
        "Figures over $window",
        "The true value is between low and high. Ceiling: highest claim with the unmet readiness items. "
        "Spent in: time until the budget runs out at the burn rate of the last 24 h, empty if it lasts. "
        "Percentages are rounded down.",
        "product",
        {
            "Availability": ("percentunit", _floored(_by_product(_ratio("point")))),
            "Low": ("percentunit", _floored(_by_product(_ratio("low")))),
            "High": ("percentunit", _floored(_by_product(_ratio("high")))),
            "Coverage": (
                "percentunit",
                _floored(_by_product(f'ninewatch_coverage_ratio{{{PRODUCT},window="$window"}}')),
            ),
            "Objective": ("percentunit", _by_product(f"ninewatch_objective_ratio{{{PRODUCT}}}")),
            "Ceiling": ("percentunit", _by_product(f"ninewatch_claim_ceiling_ratio{{{PRODUCT}}}")),
            "Budget left": ("s", _by_product(f"ninewatch_budget_remaining_seconds{{{PRODUCT}}}")),
            "Spent in": ("s", _by_product(f"ninewatch_budget_exhaustion_timestamp_seconds{{{PRODUCT}}}") + " - time()"),
            "Open incidents": ("none", _by_product(f"ninewatch_incidents_open{{{PRODUCT}}}")),
        },
    )


def _availability() -> Iterator[Panel]:
    yield series(
        "Availability over $window, with bounds",
        "Estimate (point); the true value is between low and high.",
        "percentunit",
        *(Query(_ratio(bound), f"{{{{product}}}} {bound}") for bound in ("point", "low", "high")),
        Query(f"ninewatch_objective_ratio{{{PRODUCT}}}", "{{product}} objective"),
        fillOpacity=0,
    )
    downtime = f'ninewatch_downtime_seconds{{{PRODUCT},window="$window",bound="%s"}}'
    yield series(
        "Downtime over $window",
        "Minimum (low), estimate (point) and maximum (high).",
        "s",
        *(Query(downtime % bound, f"{{{{product}}}} {bound}") for bound in ("low", "point", "high")),
        fillOpacity=0,
    )


def _budget() -> Iterator[Panel]:
    yield bars(
        "Budget left",
        "Share of the downtime that the objective allows in the product's own window.",
        "percentunit",
        Query(_budget_left(), "{{product}} ({{window}})", instant=True),
        steps=steps(RED, (0, AMBER), (0.25, GREEN)),
        width=8,
    )
    yield series(
        "Budget left in time",
        "Downtime that is still allowed; below 0 the objective is missed.",
        "s",
        Query(f"ninewatch_budget_remaining_seconds{{{PRODUCT}}}", "{{product}} ({{window}})"),
        width=8,
    )
    longs = "|".join(window_name(policy.long) for policy in BURN_POLICIES)
    yield series(
        "Burn rate",
        '1 spends the budget exactly by the end of the period. The lines named "alert at" are the thresholds.',
        "none",
        Query(
            f'ninewatch_burn_rate{{{PRODUCT},window=~"{longs}"}}',
            "{{product}} {{window}}",
        ),
        Query(f"max by (window) (ninewatch_burn_alert_threshold{{{PRODUCT}}})", "alert at {{window}}"),
        width=8,
    )


def _probes() -> Iterator[Panel]:
    yield series(
        "Open incidents",
        "Number of open incidents per product.",
        "none",
        Query(f"ninewatch_incidents_open{{{PRODUCT}}}", "{{product}}"),
        drawStyle="bars",
    )
    yield series(
        "Incidents opened",
        "Incidents opened in the preceding hour.",
        "none",
        Query(f"increase(ninewatch_incidents_total{{{PRODUCT}}}[1h])", "{{product}}"),
        drawStyle="bars",
    )
    yield series(
        "Probe phases",
        "Time per phase of a probe, averaged over the checks of the selected products.",
        "s",
        Query(f"avg by (phase) (probe_phase_duration_seconds{{{PRODUCT}}})", "{{phase}}"),
        stacking={"mode": "normal", "group": "A"},
        fillOpacity=60,
    )
    yield series(
        "Probe duration",
        "Duration of the last probe of each check.",
        "s",
        Query(f"probe_duration_seconds{{{PRODUCT}}}", "{{product}}/{{check}}"),
    )
    yield series(
        "Probes per second by outcome",
        "Unknown: the fault was on the monitor's side.",
        "ops",
        Query(f"sum by (outcome) (rate(ninewatch_probes_total{{{PRODUCT}}}[$__rate_interval]))", "{{outcome}}"),
    )
    yield bars(
        "Certificates expire in",
        "Earliest expiry in the chain that each check received.",
        "s",
        Query(f"probe_ssl_earliest_cert_expiry{{{PRODUCT}}} - time()", "{{product}}/{{check}}", instant=True),
        steps=steps(RED, (3 * 86400, AMBER), (21 * 86400, GREEN)),
    )


def _daemon() -> Iterator[Panel]:
    yield series(
        "Lateness",
        "Delay of probe starts, and lag of the event loop.",
        "s",
        Query("ninewatch_schedule_lateness_seconds", "schedule"),
        Query("ninewatch_loop_lag_seconds", "loop"),
        width=8,
    )
    yield series(
        "Probes in progress, probes skipped",
        "The time of a skipped probe is unknown.",
        "none",
        Query("ninewatch_probes_in_flight", "in progress"),
        Query("increase(ninewatch_missed_ticks_total[5m])", "skipped in 5m"),
        width=8,
    )
    yield series(
        "Record",
        "Age of the oldest unwritten observation, and time that could not be recorded.",
        "s",
        Query("ninewatch_store_queue_age_seconds", "queue age"),
        Query("ninewatch_store_unrecorded_seconds", "unrecorded"),
        width=8,
    )
    yield series(
        "Record errors",
        "Observations in the queue, failed writes and lost observations.",
        "none",
        Query("ninewatch_store_queue_depth", "waiting"),
        Query("increase(ninewatch_store_write_failures_total[5m])", "write failures in 5m"),
        Query("sum without (what) (increase(ninewatch_store_dropped_total[5m]))", "lost in 5m"),
        width=12,
    )
    yield from _config()


def _config() -> Iterator[Panel]:
    yield stat(
        "Configuration",
        "1: the files on disk are loaded. 0: a change was rejected; see the log.",
        "none",
        Query("min(ninewatch_config_reload_success)", instant=True),
        steps=steps(RED, (1, GREEN)),
    )
    yield stat(
        "Configuration loaded",
        "Time since the configuration was loaded.",
        "s",
        Query("time() - max(ninewatch_config_reload_timestamp_seconds)", instant=True),
    )
    yield stat(
        "Burn alerts that cannot fire",
        "Number of alerts whose objective is too low for the window; see check-config or the product's page.",
        "none",
        Query("count(ninewatch_burn_alert_possible == 0) or vector(0)", instant=True),
        steps=steps(GREEN, (1, AMBER)),
    )
    yield stat(
        "Clock steps",
        "Steps of the machine's wall clock in 24 h.",
        "none",
        Query("sum(increase(ninewatch_clock_steps_total[24h]))", instant=True),
        steps=steps(GREEN, (1, RED)),
    )


def _ratio(bound: str) -> str:
    return f'ninewatch_availability_ratio{{{PRODUCT},window="$window",bound="{bound}"}}'


def _budget_left() -> str:
    left, allowed = (f"ninewatch_budget_{name}_seconds{{{PRODUCT}}}" for name in ("remaining", "allowed"))
    return f"{left} / {allowed}"


def _by_product(expr: str) -> str:
    return f"max by (product) ({expr})"


def _floored(expr: str) -> str:
    """Round a ratio down to the panel's four digits of percent, so that nothing below 1 prints as 100 %."""
    return f"floor(1e6 * {expr}) / 1e6"
