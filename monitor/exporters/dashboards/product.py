"""The dashboard of one product: state, availability, budget, incidents, dependencies and probes."""

from __future__ import annotations

from collections.abc import Iterator

from monitor.exporters.dashboards import style
from monitor.exporters.dashboards.expressions import (
    BOUNDS,
    BUDGET,
    BUDGET_SHARE,
    COVERAGE,
    EXPIRY,
    GATE,
    JOB,
    OBJECTIVE,
    OPEN_INCIDENTS,
    PRODUCT,
    STATE,
    VERDICT,
    availability,
    by_product,
    of_window,
    rounded_down,
)
from monitor.exporters.dashboards.panels import (
    PanelBuilder,
    Query,
    Row,
    band,
    gauges,
    lines,
    note,
    rows,
    timeline,
    value,
)
from monitor.exporters.dashboards.variables import product_page
from monitor.exporters.window_lines import window_name
from sla.alerting import BURN_POLICIES

_LOOK_BACKS = "|".join(window_name(policy.long) for policy in BURN_POLICIES)
_DEPENDENCY = f"max by (dependency) (ninewatch_product_dependency_info{{{PRODUCT}}})"


def product_rows() -> Iterator[Row]:
    """Yield the rows from top to bottom."""
    yield Row("Now", (*_now(), timeline("State", _STATE_TEXT, style.STATES, *_states())))
    yield Row("Availability over $window", tuple(_availability()))
    yield Row("Error budget and burn", tuple(_budget()))
    yield Row("Incidents and promised limits", tuple(_incidents()))
    yield Row("Dependencies", tuple(_dependencies()))
    yield Row("Latency objectives and special states", tuple(_latency()))
    yield Row("Probes", tuple(_probes()))


_STATE_TEXT = "State of the product, then of each of its checks. Unknown time counts neither as up nor as down."


def _now() -> Iterator[PanelBuilder]:
    yield value("Current state", "State of the product now.", "none", Query(STATE), names=style.STATES, width=3)
    yield value(
        "Verdict",
        "Over the window of the objective. Met: the minimum reaches the objective. Missed: the maximum is below it.",
        "none",
        Query(VERDICT),
        names=style.VERDICTS,
        width=3,
    )
    yield from _figures_now()
    yield value(
        "Open incidents",
        "Open incidents of the product's checks.",
        "none",
        Query(OPEN_INCIDENTS),
        steps=style.ANY_IS_BAD,
        width=3,
    )


def _figures_now() -> Iterator[PanelBuilder]:
    for bound, name in (("low", "minimum"), ("point", "estimate"), ("high", "maximum")):
        text = f"Availability over the selected window: {name}. The true value is between minimum and maximum."
        query = Query(rounded_down(availability(bound)))
        yield value(f"Availability, {name}", text, "percentunit", query, width=3, decimals=4)
    yield value(
        "Coverage",
        "Known share of the selected window. If it is low, the bounds are wide.",
        "percentunit",
        Query(rounded_down(COVERAGE)),
        steps=style.COVERAGE,
        width=3,
        decimals=2,
    )
    yield value(
        "Budget left",
        "Remaining share of the error budget. If it is below 0, the objective is missed.",
        "percentunit",
        Query(BUDGET_SHARE),
        steps=style.BUDGET,
        width=3,
        decimals=1,
    )


def _states() -> tuple[Query, Query]:
    known = f"2 - {by_product('ninewatch_check_up', function='min', labels='check')}"
    unknown = f"0 * {by_product('ninewatch_check_unknown', labels='check')}"
    return Query(STATE, "product"), Query(f"{known} or {unknown}", "{{check}}")


def _availability() -> Iterator[PanelBuilder]:
    yield band(
        "Availability",
        "The estimate (point) and the bounds that contain the true value; the objective for comparison.",
        "percentunit",
        {bound: availability(bound) for bound in BOUNDS},
        Query(OBJECTIVE, "objective"),
    )
    metric = "ninewatch_downtime_seconds"
    downtime = {bound: of_window(metric, bound) for bound in BOUNDS}
    yield band("Downtime", "Minimum, estimate and maximum.", "s", downtime)
    metric = "ninewatch_contractual_availability_ratio"
    contractual = {bound: by_product(metric, f'bound="{bound}"', function) for bound, function in BOUNDS.items()}
    text = "Over the window of the objective, after exclusions of the agreement."
    yield band("Contractual availability", text, "percentunit", contractual, Query(OBJECTIVE, "objective"))
    yield lines(
        "Coverage",
        "Known share of each window.",
        "percentunit",
        Query(by_product("ninewatch_coverage_ratio", function="min", labels="window"), "{{window}}"),
        width=12,
    )


def _budget() -> Iterator[PanelBuilder]:
    yield lines(
        "Downtime left",
        "Downtime that the objective still allows. If it is below 0, the objective is missed.",
        "s",
        Query(BUDGET, "left"),
        Query(by_product("ninewatch_budget_allowed_seconds"), "allowed"),
    )
    look_backs = f'window=~"{_LOOK_BACKS}"'
    yield lines(
        "Burn rate",
        '1 spends the budget exactly by the end of its window. The lines "alert at" are the thresholds of alerts.',
        "none",
        Query(by_product("ninewatch_burn_rate", look_backs, labels="window"), "{{window}}"),
        Query(by_product("ninewatch_burn_alert_threshold", labels="window"), "alert at {{window}}"),
    )
    yield lines(
        "Burn alerts",
        "Burn rate over the look-back of each alert while it fires, else 0.",
        "none",
        Query(by_product("ninewatch_alerting_burn_rate", labels="window"), "{{window}}"),
    )
    yield timeline(
        "Release gate",
        "Whether the product may be changed, by budget policy and overrides. The product's page has the reason.",
        style.GATE,
        Query(GATE, "gate"),
    )


def _incidents() -> Iterator[PanelBuilder]:
    yield rows(
        "Open incidents",
        "Result of the first failed probe of each open incident. Past incidents are on the product's page.",
        f"ninewatch_open_incident_info{{{PRODUCT}}}",
        ("job", "instance", "pod", "namespace", "service", "endpoint", "container", "product", "Value"),
    )
    yield lines(
        "Incidents opened",
        "Incidents that opened in the preceding hour.",
        "none",
        Query(f"max(increase(ninewatch_incidents_total{{{PRODUCT}}}[1h]))", "opened"),
        bars=True,
    )
    yield lines(
        "Certain downtime",
        "Certain downtime in the preceding hour, before exclusions.",
        "s",
        Query(f"max(increase(ninewatch_certain_downtime_seconds_total{{{PRODUCT}}}[1h]))", "down"),
        bars=True,
    )
    outage = "ninewatch_outage_seconds"
    yield lines(
        "Outages and promised limits",
        "Longest outage or total downtime after exclusions, and the promised limit.",
        "s",
        Query(by_product(outage, 'bound="point"', "avg", "promise"), "{{promise}}"),
        Query(by_product("ninewatch_outage_limit_seconds", labels="promise"), "limit of {{promise}}"),
    )


def _dependencies() -> Iterator[PanelBuilder]:
    state = f'max by (product) (ninewatch_product_state{{{JOB},state="%s"}})'
    states = f"{state % 'up'} + 2 * {state % 'down'}"
    by_dependency = f'label_join({states}, "dependency", "", "product")'
    yield timeline(
        "State of dependencies",
        "States of the products that this product depends on. A dependency that is down together with the product is "
        "the likely cause. The product's page shows the downtime split by dependencies.",
        style.STATES,
        Query(STATE, "this product"),
        Query(f"sum by (dependency) ({by_dependency} * on (dependency) {_DEPENDENCY})", "{{dependency}}"),
        width=18,
        label="dependency",
    )
    split, past, ready = (product_page("${product}", part) for part in ("downtime-split", "incidents", "readiness"))
    text = f"[Downtime split by dependencies]({split}): own, per dependency, unclear.\n\n"
    text += f"[Past incidents]({past})\n\n[Readiness]({ready})"
    yield note("Downtime split by dependencies", "Links to the sections of the product's page.", text, 6, 8)
    causes = by_product("ninewatch_downtime_cause_seconds", labels="cause")
    yield lines(
        "Downtime split by dependencies over the window of the objective",
        "Estimated downtime before exclusions. Own: all dependencies were up. Dependency: at least one was down. "
        "Unclear: a dependency was unknown.",
        "s",
        Query(causes, "{{cause}}"),
        width=24,
        stacked=True,
    )


def _latency() -> Iterator[PanelBuilder]:
    labels, legend = "check, objective", "{{check}} {{objective}}"
    fast = by_product("ninewatch_fast_answers_ratio", 'bound="point"', "avg", labels)
    yield lines(
        "Fast responses",
        "Share of the responses that were faster than the limit of a latency objective, and the promised share. The "
        "check is empty for an objective of the product.",
        "percentunit",
        Query(fast, legend),
        Query(by_product("ninewatch_latency_objective_ratio", labels=labels), f"promised: {legend}"),
    )
    yield lines(
        "Latency budget left and burn rate",
        "Share of the slow responses that are still allowed, and how fast it is spent. 1 spends it by the end of the "
        "window.",
        "none",
        Query(by_product("ninewatch_latency_budget_remaining_ratio", "", "min", labels), f"left: {legend}"),
        Query(by_product("ninewatch_latency_burn_rate", labels=labels), f"burn rate: {legend}"),
    )
    yield lines(
        "Degraded, down by design, paused",
        "1 while it applies. Degraded is up; a paused check is unknown. The product's page has the causes.",
        "none",
        Query(by_product("ninewatch_product_degraded"), "degraded"),
        Query(by_product("ninewatch_product_down_by_design"), "down by design"),
        Query(by_product("ninewatch_check_paused", labels="check"), "paused: {{check}}"),
    )


def _probes() -> Iterator[PanelBuilder]:
    yield lines(
        "Probe phases",
        "Time per phase of the last probe, averaged over the checks.",
        "s",
        Query(f"avg by (phase) (probe_phase_duration_seconds{{{PRODUCT}}})", "{{phase}}"),
        stacked=True,
    )
    yield lines(
        "Probe duration",
        "Duration of the last probe of each check.",
        "s",
        Query(by_product("probe_duration_seconds", labels="check"), "{{check}}"),
    )
    outcomes = f"sum by (outcome) (rate(ninewatch_probes_total{{{PRODUCT}}}[$__rate_interval]))"
    yield lines("Probes per second", "Unknown: the monitor could not probe.", "ops", Query(outcomes, "{{outcome}}"))
    yield lines(
        "Slow probes per second",
        "Good probes that took longer than `slow_after`.",
        "ops",
        Query(f"sum by (check) (rate(ninewatch_slow_probes_total{{{PRODUCT}}}[$__rate_interval]))", "{{check}}"),
    )
    yield lines(
        "HTTP status",
        "HTTP status of the last response. A gap means no response.",
        "none",
        Query(by_product("probe_http_status_code", labels="check"), "{{check}}"),
    )
    yield gauges(
        "Certificates expire in",
        "Earliest expiry in the certificate chain of each check.",
        "s",
        Query(EXPIRY, "{{check}}"),
        style.EXPIRY,
    )
