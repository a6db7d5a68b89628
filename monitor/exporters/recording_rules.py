"""Recording rules: figures over all replicas of a daemon, for dashboards, federation and long-term storage.

Replicas have different figures, because each makes its own probes. The recorded bounds are the lowest low bound and the
highest high bound, so that they contain the true value; the estimate is the mean, the coverage the lowest one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from monitor.exporters.rule_file import Record
from monitor.exporters.selectors import over_replicas

if TYPE_CHECKING:
    from collections.abc import Iterator

_BOUND_FUNCTIONS: Final = {"low": "min", "point": "avg", "high": "max"}


def recording_rules() -> Iterator[Record]:
    """Yield the recording rules. The part of a name before the first colon lists the labels."""
    for metric in ("ninewatch_availability_ratio", "ninewatch_downtime_seconds"):
        for bound, function in _BOUND_FUNCTIONS.items():
            selector = f'{metric}{{bound="{bound}"}}'
            yield Record(f"product_window_bound:{metric}", over_replicas(function, selector, "bound"), {"bound": bound})
    yield Record("product_window:ninewatch_coverage_ratio:min", over_replicas("min", "ninewatch_coverage_ratio"))
    yield Record("product_window:ninewatch_burn_rate:max", over_replicas("max", "ninewatch_burn_rate"))
    yield Record(
        "product_window:ninewatch_budget_remaining_ratio:min",
        f"{over_replicas('min', 'ninewatch_budget_remaining_seconds')}\n"
        f"/ ({over_replicas('max', 'ninewatch_budget_allowed_seconds')} > 0)",
    )
    yield Record("product:ninewatch_product_outage:max", over_replicas("max", "ninewatch_product_outage"))
    unknown = 'ninewatch_product_state{state="unknown"}'
    yield Record("product:ninewatch_product_unknown:min", over_replicas("min", unknown, "state"))
