"""Figures of the products of a record, for comparing a restored record with the original."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from monitor.as_of import ledger_at
from monitor.storage.reader import reading
from sla.interval import Interval
from sla.window import format_instant, parse_instant

if TYPE_CHECKING:
    from pathlib import Path

    from monitor.config.model import Portfolio

_FIELDS: Final = ("up_seconds", "down_seconds", "doubt_seconds", "unknown_seconds", "availability", "observations")


def recorded_figures(portfolio: Portfolio, record: Path, at: int) -> list[dict[str, Any]]:
    """Return the figures of each configured product over all recorded time until `at`.

    Each entry has `product`, `start`, `end`, and the durations, availability and observations of measurement.md,
    section 11, before exclusions and without figures that depend on the objective. Empty if the record has no closed
    runs before `at`.

    Raises:
        StoreError: the record cannot be read.
    """
    with reading(record) as reader:
        first = reader.first_observed()
    if first is None or first >= at:
        return []
    return _figures(portfolio, record, at, Interval(first, at), [product.id for product in portfolio.products])


def differing_figures(portfolio: Portfolio, record: Path, figures: list[dict[str, Any]]) -> tuple[list[str], list[str]]:
    """Recompute figures from a record. Return the products that differ, and those that are no longer configured.

    Raises:
        StoreError: the record cannot be read.
        KeyError, ValueError: the figures are malformed.
    """
    configured = {product.id for product in portfolio.products}
    missing = [figure["product"] for figure in figures if figure["product"] not in configured]
    expected = [figure for figure in figures if figure["product"] in configured]
    if not expected:
        return [], missing
    window = Interval(parse_instant(expected[0]["start"]), parse_instant(expected[0]["end"]))
    actual = _figures(portfolio, record, window.end, window, [figure["product"] for figure in expected])
    return [a["product"] for a, b in zip(actual, expected, strict=True) if a != b], missing


def _figures(
    portfolio: Portfolio, record: Path, at: int, window: Interval, products: list[str]
) -> list[dict[str, Any]]:
    ledger = ledger_at(portfolio, record, at)
    return [
        {
            "product": product,
            "start": format_instant(window.start),
            "end": format_instant(window.end),
            **{name: figures[name] for name in _FIELDS},
        }
        for product in products
        for figures in [ledger.measured(product, window, at).as_json()]
    ]
