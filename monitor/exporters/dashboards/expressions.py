"""PromQL expressions for several dashboards: selectors, figures over all replicas, verdicts and nines.

If several daemons (replicas) publish the same products, the lowest low bound and the highest high bound are used, as in
the recording rules, which the dashboards do not require.
"""

from __future__ import annotations

from typing import Final

JOB: Final = 'job=~"$job"'
PRODUCT: Final = f'{JOB},product=~"$product"'
DAEMON: Final = f'{JOB},instance=~"$instance"'
WINDOW: Final = f'{PRODUCT},window="$window"'

BOUNDS: Final = {"low": "min", "point": "avg", "high": "max"}
MAX_NINES: Final = 9


def by_product(metric: str, matchers: str = "", function: str = "max", labels: str = "product") -> str:
    """Return a metric of the selected products over all replicas; `matchers` are additional matchers."""
    return f"{function} by ({labels}) ({metric}{{{PRODUCT}{',' + matchers if matchers else ''}}})"


def of_window(metric: str, bound: str) -> str:
    """Return a bound of a metric over `$window`."""
    return by_product(metric, f'window="$window",bound="{bound}"', BOUNDS[bound])


def availability(bound: str) -> str:
    """Return a bound of the availability over `$window`."""
    return of_window("ninewatch_availability_ratio", bound)


def promised_availability(bound: str) -> str:
    """Return a bound of the availability over the window of the product's objective."""
    in_objective_window = f"on (product, window) ninewatch_objective_window_seconds{{{JOB}}}"
    figure = f'ninewatch_availability_ratio{{{PRODUCT},bound="{bound}"}}'
    return f"{BOUNDS[bound]} by (product) ({figure} and {in_objective_window})"


OBJECTIVE: Final = by_product("ninewatch_objective_ratio")
CEILING: Final = by_product("ninewatch_readiness_ceiling_ratio", function="min")
COVERAGE: Final = by_product("ninewatch_coverage_ratio", 'window="$window"', "min")
BUDGET: Final = by_product("ninewatch_budget_remaining_seconds", function="min")
BUDGET_SHARE: Final = f"{BUDGET} / (" + by_product("ninewatch_budget_allowed_seconds") + " > 0)"
OPEN_INCIDENTS: Final = by_product("ninewatch_incidents_open")
EXPIRY: Final = by_product("probe_ssl_earliest_cert_expiry", function="min", labels="product, check") + " - time()"
# 0: undecided, 1: missed, 2: met; no sample if all time is unknown.
VERDICT: Final = (
    f"2 * ({promised_availability('low')} >= bool {OBJECTIVE}) + ({promised_availability('high')} < bool {OBJECTIVE})"
)


def state(name: str) -> str:
    """Return an expression that is 1 for products in the state and 0 for other products."""
    return by_product("ninewatch_product_state", f'state="{name}"')


# 0: unknown, 1: up, 2: down, 3: replicas differ.
STATE: Final = f"{state('up')} + 2 * {state('down')}"

_GATE: Final = by_product("ninewatch_gate_state", 'state="%s"')
# 0: unknown, 1: go, 2: hold, 3: replicas differ.
GATE: Final = f"{_GATE % 'go'} + 2 * {_GATE % 'hold'}"


def rounded_down(ratio: str) -> str:
    """Return a ratio rounded down to 4 digits of percent, so that only 1 is shown as 100 %."""
    return f"floor(1e6 * {ratio}) / 1e6"


def nines(ratio: str) -> str:
    """Return the number of nines, rounded down to 2 digits; at most 9, which also means no downtime.

    1e-5 is added before the rounding, because the floating-point result of 1 - 0.999 is greater than 0.001.
    """
    return f"floor(100 * clamp_max(-log10(1 - ({ratio})), {MAX_NINES}) + 1e-5) / 100"
