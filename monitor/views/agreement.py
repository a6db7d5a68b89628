"""The contractual figure of a product and its excluded time, for the product's page."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

from monitor.views.formatting import Moment, moment
from sla.objective import format_duration, format_percent

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from monitor.config.model import Product
    from monitor.ledger.ledger import Ledger
    from sla.availability import Bounds, Verdict
    from sla.exclusion import ExcludedPiece, Exclusion
    from sla.maintenance_terms import MaintenanceNotExcluded
    from sla.measured import Measured, MeasuredObjective
    from sla.outage import OutageLimit

SHOWN_EXCLUSIONS = 20  # excluded intervals on the page; the API lists all


@dataclass(frozen=True, slots=True)
class ExcludedLine:
    """An excluded interval, its length in microseconds, and its causes as text."""

    start: Moment
    end: Moment
    length: int
    causes: list[str]


@dataclass(frozen=True, slots=True)
class LimitLine:
    """A promised limit on outages, the measured bounds (microseconds) and the verdict."""

    promise: str
    measured: Bounds[int]
    verdict: Verdict


def limit_text(limit: OutageLimit) -> str:
    """Return the promise as text: `no outage over 22m`, `at most 4h down within any 30d`."""
    if limit.per is None:
        return f"no outage over {format_duration(limit.limit)}"
    return f"at most {format_duration(limit.limit)} down within any {format_duration(limit.per)}"


@dataclass(frozen=True, slots=True)
class AgreementView:
    """The contractual figure over the product's own window. `excluded` is the excluded time in microseconds.

    `excluded_lines` are the newest of `count` excluded intervals. `degraded` is the degraded time that counts as
    downtime, as text; empty if it does not count. `not_excluded` is the newest maintenance that does not meet the
    terms; its causes include the reasons.
    """

    measured: MeasuredObjective
    bounds: Bounds[Fraction | None]
    excluded: int
    excluded_lines: list[ExcludedLine]
    count: int
    limits: list[LimitLine]
    degraded: str
    not_excluded: list[ExcludedLine]


def degraded_text(measured: Measured) -> str:
    """Return the degraded time in the contractual downtime as text, empty if degraded time does not count."""
    if (degraded := measured.degraded) is None:
        return ""
    low, point, high = map(format_duration, degraded)
    share = f", {format_percent(degraded_share(measured), 1)} of it" if measured.downtime.point else ""
    return (
        f"The agreement counts degraded time as downtime: {point} of the contractual downtime of"
        f" {format_duration(measured.downtime.point)} was degraded time{share}, between {low} and {high}"
    )


def degraded_share(measured: Measured) -> Fraction | None:
    """Return the share of degraded time in the contractual downtime, by the point estimates. None without downtime."""
    if measured.degraded is None or not measured.downtime.point:
        return None
    return Fraction(measured.degraded.point, measured.downtime.point)


def agreement_view(ledger: Ledger, product: Product, now: int) -> AgreementView:
    """Return the contractual figure over the product's own window."""
    window, zone = ledger.own_window(product.id, now), ledger.portfolio.zone
    figures = ledger.agreement_figures(product.id, window, now)
    newest = figures.excluded_pieces[-SHOWN_EXCLUSIONS:][::-1]
    lines = [_excluded_line(excluded, zone) for excluded in newest]
    limits = [LimitLine(limit_text(outage.limit), outage.measured, outage.verdict) for outage in figures.outages]
    bounds = figures.contractual.availability
    degraded = degraded_text(figures.contractual)
    newest_not_excluded = ledger.not_excluded_maintenance(product.id, window.measured)[-SHOWN_EXCLUSIONS:][::-1]
    not_excluded = [_not_excluded_line(entry, zone) for entry in newest_not_excluded]
    count = len(figures.excluded_pieces)
    return AgreementView(figures.contractual, bounds, figures.excluded, lines, count, limits, degraded, not_excluded)


def _excluded_line(excluded: ExcludedPiece, zone: ZoneInfo) -> ExcludedLine:
    span = excluded.interval
    causes = [_cause_text(exclusion, zone) for exclusion in excluded.causes]
    return ExcludedLine(moment(span.start, zone), moment(span.end, zone), span.length, causes)


def _not_excluded_line(maintenance: MaintenanceNotExcluded, zone: ZoneInfo) -> ExcludedLine:
    span = maintenance.exclusion.interval
    texts = [_cause_text(maintenance.exclusion, zone), *maintenance.reasons]
    return ExcludedLine(moment(span.start, zone), moment(span.end, zone), span.length, texts)


def _cause_text(exclusion: Exclusion, zone: ZoneInfo) -> str:
    """Return the cause with its reason and author: `correction 7f3a: probe account locked (Ada Ng, 20 Nov ...)`."""
    text = f"{exclusion.cause} {exclusion.label}".rstrip()
    if exclusion.reason:
        text += f": {exclusion.reason}"
    made = None if exclusion.made is None else moment(exclusion.made, zone).local
    source = ", ".join(filter(None, (exclusion.author, made)))
    return f"{text} ({source})" if source else text
