"""The sections of a report on a product's stage, clients, impact and cost of downtime."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from monitor.config.dependent_clients import DependentClient, dependent_clients, misfits_of
from monitor.ledger.release_gate import release_gate
from monitor.reporting import document as doc
from monitor.reporting.document import Cell, Section, Table, Unit, words
from monitor.views.budget_policy import budget_policy_view
from monitor.views.formatting import sentence, window_name
from monitor.views.impact import AffectedClient, affected_among
from sla.availability import downtime
from sla.downtime_cost import Money, Value, format_money, value

if TYPE_CHECKING:
    from collections.abc import Iterator

    from monitor.config.model import Product
    from monitor.ledger.ledger import Ledger
    from sla.gate import Gate
    from sla.report import Report
    from sla.stage import Misfit


@dataclass(frozen=True, slots=True)
class ContextSections:
    """The context of a product in the portfolio. `affected`: incident id -> affected clients."""

    ledger: Ledger
    product: Product
    report: Report
    misfits: tuple[Misfit, ...]
    dependent_clients: tuple[DependentClient, ...]
    affected: dict[str, list[AffectedClient]]
    value: Value | None
    gate: Gate

    def sections(self) -> Iterator[Section]:
        """Yield the sections on budget policy, stage, clients and, if `value_per_hour` is set, cost of downtime."""
        yield self._budget_policy()
        if self.product.stage is not None or self.dependent_clients or self.misfits:
            yield self._stage_and_clients()
        if self.value is not None:
            yield _cost_of_downtime(self.value)

    def affected_text(self, incident: str) -> str:
        """Return the affected clients as text: those whose product had downtime, and the number of others."""
        found = self.affected.get(incident, [])
        hit = sum(each.dependent.client.count for each in found if each.downtime)
        rest = sum(each.dependent.client.count for each in found if not each.downtime)
        names = ", ".join(dict.fromkeys(each.dependent.client.name for each in found if each.downtime))
        summary = f"{hit}: {names}" if hit else "none observed"
        return f"{summary}; {rest} without downtime" if rest else summary

    def _budget_policy(self) -> Section:
        view = budget_policy_view(self.gate, self.ledger.portfolio.zone)
        days_of_window = window_name(self.product.window)
        notes = [f"Releases as of this report: {view.answer.lower()}. {sentence(view.reason)}."]
        notes += [f"It would be decided by {view.decided_by}."] if view.decided_by else []
        notes += [f"Without the override: {view.override.computed}."] if view.override else []
        notes.append(f"By the budget of the last {days_of_window}. {view.title}; source: {view.source}.")
        columns = ("Budget spent", "Releases", "Consequence", "Owner", "Status")
        rows = tuple(
            (
                words(each.spent),
                words(each.gate),
                words(each.consequence),
                words(each.owner),
                words(each.status),
            )
            for each in view.steps
        )
        return Section("policy", "Budget policy", tuple(notes), Table(columns, rows))

    def _stage_and_clients(self) -> Section:
        notes = [f"Stage: {self.product.stage.replace('-', ' ')}."] if self.product.stage else []
        notes += [f"Objective does not match: {each.text}." for each in self.misfits]
        rows = tuple(self._client(each) for each in self.dependent_clients)
        columns = ("Client", "Count", "Risk", "Via", "Downtime of their product")
        if not rows:
            notes.append("No clients are configured.")
        return Section("clients", "Stage and clients", tuple(notes), Table(columns, rows) if rows else None)

    def _client(self, each: DependentClient) -> tuple[Cell, ...]:
        products, used = self.ledger.products, self.ledger.compositions[each.product]
        path = " > ".join(products[name].name for name in each.path)
        down = downtime(used.durations(self.report.window.measured)).point
        client = each.client
        return (words(client.name), doc.count(client.count), words(client.risk), words(path), doc.duration(down))

    def as_json(self) -> dict[str, Any]:
        """Return the same as JSON, without contact details."""
        return {
            "stage": self.product.stage and self.product.stage.value,
            "misfits": [each.as_json() for each in self.misfits],
            "affected": {name: [each.as_json() for each in found] for name, found in self.affected.items()},
            "value": None if self.value is None else self.value.as_json(),
            "gate": self.gate.as_json(self.product.id),
        }


def context_sections(ledger: Ledger, report: Report) -> ContextSections:
    """Return the product's context over the report's window."""
    product, end = ledger.products[report.product], report.window.measured.end
    found = tuple(dependent_clients(ledger.portfolio, product.id))
    return ContextSections(
        ledger,
        product,
        report,
        misfits_of(ledger.portfolio, product, report.readiness),
        tuple(each for each in found if each.client.used_before(end, ledger.portfolio.zone)),
        {each.incident.id: affected_among(found, ledger, each.incident, report.at) for each in report.incidents}
        if found
        else {},
        _value(product, report),
        release_gate(ledger, product, report.at),
    )


def _value(product: Product, report: Report) -> Value | None:
    if product.value_per_hour is None:
        return None
    before = report.trend[-2].figures.raw if len(report.trend) > 1 else None
    return value(product.value_per_hour.rate, report.figures.raw, before)


def _cost_of_downtime(found: Value) -> Section:
    def money(bounds: Money) -> tuple[Cell, ...]:
        notes = [format_money(each, found.rate.currency) for each in bounds]
        low, point, high = (Cell(t, float(round(e, 2)), Unit.MONEY) for t, e in zip(notes, bounds, strict=True))
        return (point, low, high)

    rows = tuple((words(name), *money(bounds)) for name, bounds in found.amounts)
    if not rows:
        return Section("value", "Cost of downtime", ("No data for this window.",))
    table = Table(("Figure", "Estimate", "Minimum", "Maximum"), rows)
    return Section("value", "Cost of downtime", found.assumptions, table)
