"""PromQL expressions for several rules: aggregation over replicas, and the last value while no replica answers."""

from __future__ import annotations

from typing import Final

ALIVE: Final = "ninewatch_config_reload_success"  # every scraped daemon has this metric, without further labels

REPLICAS: Final = ("instance", "pod")  # the labels that differ between replicas of one daemon
_METRIC_LABELS: Final = "product, check, kind, window, state, bound, objective"


def unless_by_design(window: str = "") -> str:
    """Return the end of an expression that excludes products that are down by design.

    With a window such as `5m`, they stay excluded for that time afterwards.
    """
    designed = "ninewatch_product_down_by_design"
    current = or_last_value(designed, "1d", "ninewatch_objective_ratio")
    recent = over_replicas("max", f"max_over_time({designed}[{window}])") if window else ""
    return f"\nunless on (product) {current} == 1" + (f"\nunless on (product) {recent} == 1" if window else "")


def over_replicas(function: str, selector: str, *labels: str) -> str:
    """Return an expression that aggregates a selector over all replicas and over further labels."""
    return f"{function} without ({', '.join((*REPLICAS, *labels))}) ({selector})"


def or_last_value(metric: str, max_age: str, known: str = "", function: str = "max") -> str:
    """Return an expression for a metric over all replicas, with its last value while no replica publishes it.

    So a restart does not resolve alerts, and values of running replicas replace those of stopped ones. `known` is
    another metric of the same product or check that a daemon publishes before its first probe. Series removed by a
    reload have no last value. `max_age` is the maximum age of the last value.
    """
    last = f"last_over_time({metric}[{max_age}])"
    sources = [
        metric,
        *([f"{last} and {known}"] if known else []),
        f"{last} unless ignoring ({_METRIC_LABELS}) {ALIVE}",
    ]
    return "(\n  " + "\n  or ".join(over_replicas(function, source) for source in sources) + "\n)"
