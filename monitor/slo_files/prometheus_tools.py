"""Convert a configuration to the SLO files of Sloth and Pyrra, which generate Prometheus rules.

The rules use `ninewatch_product_up`, which has no sample while the state of a product is unknown. So unknown time is
neither good nor bad.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from monitor.slo_files.values import duration_text
from sla.interval import DAY

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from monitor.config.model import Portfolio, Product
    from monitor.config.yaml_writer import Plain

SLOTH_PERIOD: Final = 30 * DAY  # Sloth's default of --default-slo-period


def sloth_specifications(portfolio: Portfolio) -> Iterator[Mapping[str, Plain]]:
    """Yield one `prometheus/v1` specification per product."""
    for product in portfolio.products:
        up = f'ninewatch_product_up{{product="{product.id}"}}[{{{{.window}}}}]'
        labels: dict[str, Plain] = {} if product.team is None else {"team": product.team}
        yield {
            "version": "prometheus/v1",
            "service": product.id.rstrip("-_"),
            "labels": {"product": product.id, **labels},
            "slos": [
                {
                    "name": "availability",
                    "objective": _percent(product),
                    "description": _description(product),
                    "sli": {
                        "events": {
                            "error_query": f"max(count_over_time({up}) - sum_over_time({up}))",
                            "total_query": f"max(count_over_time({up}))",
                        }
                    },
                    "alerting": {
                        "name": "NinewatchSlothBudgetBurns",
                        "annotations": {"summary": f"{product.name} spends its downtime budget too fast"},
                        "page_alert": {"labels": {"severity": "critical"}},
                        "ticket_alert": {"labels": {"severity": "warning"}},
                    },
                }
            ],
        }


def products_with_other_period(portfolio: Portfolio) -> Iterator[tuple[Product, str]]:
    """Yield the products whose window differs in length from Sloth's default period, and the lengths."""
    for product in portfolio.products:
        if product.window.length != SLOTH_PERIOD:
            yield product, duration_text(product.window.length)


def calendar_notes(portfolio: Portfolio) -> Iterator[str]:
    """Yield a note per product with a calendar window, which neither tool can express."""
    for product in portfolio.products:
        if product.window.period is not None:
            length = duration_text(product.window.length)
            yield f"{product.id} has a window of a calendar {product.window.period.text}: its rules use {length}"


def pyrra_objects(portfolio: Portfolio, namespace: str | None) -> Iterator[Mapping[str, Plain]]:
    """Yield one `ServiceLevelObjective` per product."""
    for product in portfolio.products:
        metadata: dict[str, Plain] = {"name": f"{product.id.replace('_', '-').rstrip('-')}-availability"}
        if namespace is not None:
            metadata["namespace"] = namespace
        metadata["labels"] = {"app.kubernetes.io/name": "ninewatch"}
        if product.team is not None:
            metadata["annotations"] = {"pyrra.dev/team": product.team}
        yield {
            "apiVersion": "pyrra.dev/v1alpha1",
            "kind": "ServiceLevelObjective",
            "metadata": metadata,
            "spec": {
                "description": _description(product),
                "target": f"{_percent(product):.15g}",
                "window": duration_text(product.window.length),
                "indicator": {"bool_gauge": {"metric": f'ninewatch_product_up{{product="{product.id}"}}'}},
                "alerting": {"name": "NinewatchPyrraBudgetBurns", "absentName": "NinewatchPyrraProductAbsent"},
            },
        }


def _percent(product: Product) -> float:
    return float(product.objective.ratio * 100)


def _description(product: Product) -> str:
    window = duration_text(product.window.length)
    return f"Availability of {product.name}, measured by ninewatch: {product.objective} over {window}."
