"""Convert a configuration to OpenSLO objects: an SLO per product, and the data sources of their indicators.

A product whose only check is of the kind `prometheus` has that check's queries as its indicator, as time slices. Every
other product has `ninewatch_product_up`, which Prometheus scrapes from the daemon: 1 while it is up, 0 while it is
down, and no sample while its state is unknown, so that unknown time is neither good nor bad.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from monitor.exporters.selectors import over_replicas
from monitor.probes.prometheus import PrometheusCheck
from monitor.slo_files.model import API_VERSION
from monitor.slo_files.openslo_import import ALL_EVENTS
from monitor.slo_files.values import duration_text
from sla.interval import MINUTE

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from fractions import Fraction

    from monitor.config.model import Portfolio, Product
    from monitor.config.yaml_writer import Plain

SOURCE: Final = "ninewatch"  # the name of the data source that scrapes the daemon


def exported(portfolio: Portfolio, prometheus: str) -> Iterator[Mapping[str, Plain]]:
    """Yield the objects of the portfolio. `prometheus` is the address of the server that scrapes the daemon.

    Raises:
        ValueError: a window is not of whole minutes; OpenSLO cannot write it.
    """
    names = _source_names(portfolio, prometheus)
    for address, name in names.items():
        yield _object("DataSource", {"name": name}, {"type": "Prometheus", "connectionDetails": {"url": address}})
    for product in portfolio.products:
        own = _own_indicator(product)
        source = names[prometheus if own is None else own.prometheus]
        yield _slo(product, source, own)


def _source_names(portfolio: Portfolio, prometheus: str) -> dict[str, str]:
    """Return a name for each server, by its address."""
    owns = [_own_indicator(product) for product in portfolio.products]
    names = {prometheus: SOURCE} if None in owns else {}
    for own in owns:
        if own is not None:
            names.setdefault(own.prometheus, f"prometheus-{len(names) + 1}")
    return names


def _own_indicator(product: Product) -> PrometheusCheck | None:
    """Return the check whose queries are the indicator of the product, None if there is none.

    A time slice of OpenSLO is of whole minutes.
    """
    check = product.checks[0]
    alone = len(product.checks) == 1 and isinstance(check, PrometheusCheck) and check.interval % MINUTE == 0
    return check if alone and isinstance(check, PrometheusCheck) else None


def _slo(product: Product, source: str, own: PrometheusCheck | None) -> Mapping[str, Plain]:
    metadata: dict[str, Plain] = {"name": _name(product.id)}
    if product.name != product.id:
        metadata["displayName"] = product.name
    if product.team is not None:
        metadata["labels"] = {"team": product.team}
    good, total = product_queries(product.id) if own is None else (own.good, own.total)
    objective: dict[str, Plain] = {"target": float(product.objective.ratio)}
    if own is not None:
        objective["timeSliceTarget"] = _slice_target(own.at_least.ratio)
        objective["timeSliceWindow"] = duration_text(own.interval)
    return _object(
        "SLO",
        metadata,
        {
            "service": _name(product.id),
            "indicator": {
                "metadata": {"name": f"{_name(product.id)}-sli"[-63:]},
                "spec": {
                    "ratioMetric": {"counter": False, "good": _metric(source, good), "total": _metric(source, total)}
                },
            },
            "timeWindow": [{"duration": duration_text(product.window), "isRolling": True}],
            "budgetingMethod": "Occurrences" if own is None else "Timeslices",
            "objectives": [objective],
        },
    )


def product_queries(product: str) -> tuple[str, str]:
    """Return the queries for whether a product is up, and whether that is known: 1 or no sample."""
    up = over_replicas("max", f'ninewatch_product_up{{product="{product}"}}')
    return up, f"{up} * 0 + 1"


def _slice_target(at_least: Fraction) -> float:
    return 1.0 if at_least >= ALL_EVENTS else float(at_least)


def _metric(source: str, query: str) -> Mapping[str, Plain]:
    return {"metricSource": {"metricSourceRef": source, "type": "Prometheus", "spec": {"query": query}}}


def _object(kind: str, metadata: Mapping[str, Plain], spec: Mapping[str, Plain]) -> Mapping[str, Plain]:
    return {"apiVersion": API_VERSION, "kind": kind, "metadata": metadata, "spec": spec}


def _name(product: str) -> str:
    """Return the name of an object: names have no underscores, and end with a letter or digit."""
    return product.replace("_", "-").rstrip("-")
