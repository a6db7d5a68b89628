"""Convert a configuration to OpenSLO objects: one SLO per product, and the data sources of the indicators.

If the only check of a product is of the kind `prometheus`, the indicator consists of the check's queries, with time
slices. For other products, it is `ninewatch_product_up`, which Prometheus scrapes from the daemon: 1 while the product
is up, 0 while it is down, no sample while its state is unknown. So unknown time is neither good nor bad.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from monitor.exporters.selectors import over_replicas
from monitor.probes.prometheus import PrometheusCheck
from monitor.slo_files.calendar_periods import PERIODS
from monitor.slo_files.model import API_VERSION
from monitor.slo_files.openslo_import import ALL_EVENTS
from monitor.slo_files.values import duration_text
from sla.interval import MINUTE

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from fractions import Fraction

    from monitor.config.model import Portfolio, Product
    from monitor.config.yaml_writer import Plain
    from sla.budget_window import BudgetWindow

SOURCE: Final = "ninewatch"  # name of the data source for the Prometheus that scrapes the daemon


def export_objects(portfolio: Portfolio, prometheus: str) -> Iterator[Mapping[str, Plain]]:
    """Yield the objects for a portfolio. `prometheus` is the address of the Prometheus that scrapes the daemon.

    Raises:
        ValueError: a window is not a multiple of a minute, which OpenSLO cannot express.
    """
    names = _source_names(portfolio, prometheus)
    for address, name in names.items():
        yield _object("DataSource", {"name": name}, {"type": "Prometheus", "connectionDetails": {"url": address}})
    for product in portfolio.products:
        check = _indicator_check(product)
        source = names[prometheus if check is None else check.prometheus]
        yield _slo(product, source, check, portfolio.time_zone)


def _source_names(portfolio: Portfolio, prometheus: str) -> dict[str, str]:
    """Return the names of the data sources by the addresses of their servers."""
    checks = [_indicator_check(product) for product in portfolio.products]
    names = {prometheus: SOURCE} if None in checks else {}
    for check in checks:
        if check is not None:
            names.setdefault(check.prometheus, f"prometheus-{len(names) + 1}")
    return names


def _indicator_check(product: Product) -> PrometheusCheck | None:
    """Return the check whose queries are the product's indicator, None if the indicator is `ninewatch_product_up`.

    The interval of the check must be a multiple of a minute, like time slices of OpenSLO.
    """
    check = product.checks[0]
    is_indicator = len(product.checks) == 1 and isinstance(check, PrometheusCheck) and check.interval % MINUTE == 0
    return check if is_indicator and isinstance(check, PrometheusCheck) else None


def _slo(product: Product, source: str, check: PrometheusCheck | None, time_zone: str) -> Mapping[str, Plain]:
    metadata: dict[str, Plain] = {"name": _object_name(product.id)}
    if product.name != product.id:
        metadata["displayName"] = product.name
    if product.team is not None:
        metadata["labels"] = {"team": product.team}
    good, total = product_queries(product.id) if check is None else (check.good, check.total)
    objective: dict[str, Plain] = {"target": float(product.objective.ratio)}
    if check is not None:
        objective["timeSliceTarget"] = _slice_target(check.at_least.ratio)
        objective["timeSliceWindow"] = duration_text(check.interval)
    return _object(
        "SLO",
        metadata,
        {
            "service": _object_name(product.id),
            "indicator": {
                "metadata": {"name": f"{_object_name(product.id)}-sli"[-63:]},
                "spec": {
                    "ratioMetric": {"counter": False, "good": _metric(source, good), "total": _metric(source, total)}
                },
            },
            "timeWindow": [_time_window(product.window, time_zone)],
            "budgetingMethod": "Occurrences" if check is None else "Timeslices",
            "objectives": [objective],
        },
    )


def _time_window(window: BudgetWindow, time_zone: str) -> Mapping[str, Plain]:
    if window.period is None:
        return {"duration": duration_text(window.length), "isRolling": True}
    duration, start = PERIODS[window.period]
    return {"duration": duration, "calendar": {"startTime": f"{start} 00:00:00", "timeZone": time_zone}}


def product_queries(product: str) -> tuple[str, str]:
    """Return two queries: 1 if a product is up, else 0; and 1 if its state is known, else no sample."""
    up = over_replicas("max", f'ninewatch_product_up{{product="{product}"}}')
    return up, f"{up} * 0 + 1"


def _slice_target(at_least: Fraction) -> float:
    return 1.0 if at_least >= ALL_EVENTS else float(at_least)


def _metric(source: str, query: str) -> Mapping[str, Plain]:
    return {"metricSource": {"metricSourceRef": source, "type": "Prometheus", "spec": {"query": query}}}


def _object(kind: str, metadata: Mapping[str, Plain], spec: Mapping[str, Plain]) -> Mapping[str, Plain]:
    return {"apiVersion": API_VERSION, "kind": kind, "metadata": metadata, "spec": spec}


def _object_name(product: str) -> str:
    """Return the object name for a product. Names have no underscores and end with a letter or digit."""
    return product.replace("_", "-").rstrip("-")
