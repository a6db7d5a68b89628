"""The report on one or several products: the document for all formats, and the JSON object."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from monitor import zones
from monitor.ledger.product_readiness import readiness_of
from monitor.reporting import document as doc
from monitor.reporting.admission_section import admission_json
from monitor.reporting.context_sections import context_sections
from monitor.reporting.credit_section import credit_json
from monitor.reporting.document import Document, Section, Table, words
from monitor.reporting.drill_section import drills_json
from monitor.reporting.latency_section import latency_json
from monitor.reporting.period_names import period_name
from monitor.reporting.product_part import part
from monitor.reporting.product_sections import SectionInputs
from monitor.reporting.promise_section import promise_json
from monitor.reporting.site_section import site_json
from monitor.views.formatting import moment
from monitor.views.imported_history import import_notes
from monitor.views.product_summary import provisional_text, rule_text
from sla.report import Report, Subject, report
from sla.window import Window, format_instant

if TYPE_CHECKING:
    from collections.abc import Sequence

    from monitor.config.model import Product
    from monitor.ledger.ledger import Ledger


@dataclass(frozen=True, slots=True)
class PortfolioReport:
    """The reports of a window as of the instant `at`, with their ledger.

    `arrived` is the instant until which outcomes of probes could arrive. It is limited to the latest possible arrival.
    """

    ledger: Ledger
    window: Window
    at: int
    arrived: int
    reports: tuple[Report, ...]

    def document(self) -> Document:
        """Return the document for all formats."""
        portfolio = self.ledger.portfolio
        zone, names = portfolio.zone, {product.id: product.name for product in portfolio.products}
        parts = tuple(
            part(
                product_report,
                SectionInputs(
                    self.ledger.products[product_report.product],
                    zone,
                    names,
                    context_sections(self.ledger, product_report),
                ),
            )
            for product_report in self.reports
        )
        return Document(
            title=f"Availability report, {period_name(self.window, zone)}",
            subtitle=portfolio.title,
            made=self.at,
            made_text=moment(self.at, zone).local,
            notices=tuple(self._notices()),
            overview=self._overview() if len(parts) > 1 else None,
            parts=parts,
            closing=self._closing(),
        )

    def _notices(self) -> list[str]:
        zone, span, seeded = self.ledger.portfolio.zone, self.window.measured, self.ledger.seeded_until
        notices = []
        if seeded is not None:
            until = moment(seeded, zone).local
            notices.append(f"Demonstration: the history up to {until} is synthetic, not observed.")
        for product_report in self.reports:
            name = words(self.ledger.products[product_report.product].name).text
            notices += (f"{name}: {note}." for note in import_notes(self.ledger, product_report.product, span.start))
        if self.window.in_progress:
            until = moment(self.window.full.end, zone).local
            notices.append(f"In progress: figures cover the time so far; budgets cover the whole window, to {until}.")
        latest = self.ledger.last_observation_at
        if latest is None:
            notices.append("The record is empty; all time is unknown.")
        elif all(latest + entry.hold < span.end for entry in self.ledger.entries.values()):
            notices.append(f"The record ends at {moment(latest, zone).local}; later time is unknown.")
        provisional = [
            r.product for r in self.reports if r.figures.raw.provisional or r.figures.contractual.provisional
        ]
        if provisional:
            notices.append(provisional_text(self.ledger, provisional, span.end))
        return notices

    def _overview(self) -> Section:
        rows = []
        for product_report in self.reports:
            m, raw = product_report.figures.contractual, product_report.figures.raw
            product = self.ledger.products[product_report.product]
            low, point, high = map(doc.ratio, m.availability)
            objective = doc.Cell(str(m.objective), float(product.objective.ratio), doc.Unit.RATIO)
            name, remaining = words(product.name), m.budget.remaining
            verdict, coverage = words(str(m.verdict)), doc.ratio(m.coverage, 2)
            raw_point = doc.ratio(raw.availability.point)
            rows.append((name, point, low, high, raw_point, coverage, objective, verdict, doc.duration(remaining)))
        columns = (
            "Product", "Contractual", "Minimum", "Maximum", "Raw", "Coverage", "Objective", "Verdict", "Budget left",
        )  # fmt: skip
        verdicts = [str(product_report.figures.contractual.verdict) for product_report in self.reports]
        met, missed = verdicts.count("met"), verdicts.count("missed")
        notes = f"Contractual verdicts: {met} met, {missed} missed, {len(rows) - met - missed} undecided."
        return Section("overview", "All products", (notes,), Table(columns, tuple(rows)))

    def _closing(self) -> Section:
        span, zone = self.window.measured, self.ledger.portfolio.time_zone
        notes = (
            f"Measured from {format_instant(span.start)} to {format_instant(span.end)} (UTC). Times are in {zone}, "
            f"time zone database {zones.IN_USE}. "
            "Estimates and spent budgets exclude unknown time; minimum and maximum include it.",
            "Figures measure time, not samples. Between two consecutive probes with equal results, the state is known. "
            "Between two probes with different results it is in doubt; for the estimate it changes half-way. Longer "
            "gaps are unknown.",
            "All corrections that were recorded before the report's instant are applied. They are listed with author "
            "and date.",
        )
        return Section("basis", "Method", notes)

    def as_json(self) -> dict[str, Any]:
        """Return the report as one object. Figures have the format of measurement.md, section 11."""
        span, portfolio, seeded = self.window, self.ledger.portfolio, self.ledger.seeded_until
        return {
            "title": portfolio.title,
            "at": format_instant(self.at),
            "time_zone": portfolio.time_zone,
            "time_zone_database": zones.as_json(),
            "window": {
                "name": span.name,
                "start": format_instant(span.measured.start),
                "end": format_instant(span.measured.end),
                "whole_end": format_instant(span.full.end),
                "in_progress": span.in_progress,
            },
            "seeded_until": None if seeded is None else format_instant(seeded),
            "products": [self._product_json(product_report) for product_report in self.reports],
        }

    def _product_json(self, product_report: Report) -> dict[str, Any]:
        product = self.ledger.products[product_report.product]
        identity = {"id": product.id, "name": product.name, "team": product.team, "rule": rule_text(product)}
        promise = promise_json(product_report, product)
        promise |= credit_json(self.ledger, product, product_report)
        promise |= latency_json(self.ledger, product, product_report.figures.raw.window.end)
        promise |= admission_json(self.ledger, product, product_report)
        context = context_sections(self.ledger, product_report).as_json()
        not_excluded = self.ledger.not_excluded_maintenance(product.id, product_report.window.measured)
        promise |= {"maintenance_not_excluded": [entry.as_json() for entry in not_excluded]}
        recovery = site_json(self.ledger, product, product_report) | drills_json(self.ledger, product_report)
        return identity | product_report.as_json() | promise | context | recovery


def portfolio_report(
    ledger: Ledger, products: Sequence[Product], window: Window, at: int, now: int | None = None
) -> PortfolioReport:
    """Return the reports of the products over the window, as known at the instant `at`.

    `now` is the present (default: `at`), which determines whether figures are provisional.
    """
    last = at + max((entry.check.lateness for entry in ledger.entries.values()), default=0)
    arrived = at if now is None else min(now, last)
    return PortfolioReport(
        ledger, window, at, arrived, tuple(_report(ledger, product, window, at, arrived) for product in products)
    )


def _report(ledger: Ledger, product: Product, window: Window, at: int, now: int) -> Report:
    incidents = ledger.incidents_of(product.id, window.measured)
    subject = Subject(
        ledger.compositions[product.id],
        product.objective,
        max(check.interval for check in product.checks),
        partial(ledger.exclusions, product.id),
        {name: ledger.compositions[name] for name in product.depends_on},
        incidents,
        readiness_of(ledger, product.id, at),
        {incident.check: ledger.states_of(incident.check) for incident in incidents},
        tuple(product.agreement.limits()),
        partial(ledger.provisional, product.id, at, now),
        ledger.contractual_histories[product.id],
    )
    return report(product.id, subject, window, ledger.portfolio.zone, at)
