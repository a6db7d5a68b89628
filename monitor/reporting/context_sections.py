"""The sections of a report about budget policy, stage, clients, impact and cost of downtime."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from monitor.config.dependent_clients import DependentClient, dependent_clients, violations_of
from monitor.ledger.release_gate import release_gate
from monitor.reporting import document as doc
from monitor.reporting.document import Cell, Section, Table, Unit, words
from monitor.views.budget_policy import budget_policy_view
from monitor.views.formatting import own_window, sentence
from monitor.views.impact import AffectedClient, affected_among
from sla.availability import downtime
from sla.downtime_cost import Money, Value, format_money, value

if TYPE_CHECKING:
    from collections.abc import Iterator

    from monitor.config.model import Product
    from monitor.ledger.ledger import Ledger
    from sla.gate import Gate
    from sla.report import Report
    from sla.stage import Violation


@dataclass(frozen=True, slots=True)
class ContextSections:
    """The context of a product in the portfolio. `affected` has the affected clients by the incident's id."""

    ledger: Ledger
    product: Product
    report: Report
    violations: tuple[Violation, ...]
    dependent_clients: tuple[DependentClient, ...]
    affected: dict[str, list[AffectedClient]]
    value: Value | None
    gate: Gate

    def sections(self) -> Iterator[Section]:
        """Yield the sections "Budget policy", "Stage and clients" and "Cost of downtime" (if configured)."""
        yield self._budget_policy()
        if self.product.stage is not None or self.dependent_clients or self.violations:
            yield self._stage_and_clients()
        if self.value is not None:
            yield _cost_of_downtime(self.value)

    def affected_text(self, incident: str) -> str:
        """Return the names of the clients whose product had downtime, and the number of the other clients, as text."""
        affected = self.affected.get(incident, [])
        with_downtime = [client.dependent.client for client in affected if client.downtime]
        count = sum(client.count for client in with_downtime)
        unaffected = sum(client.dependent.client.count for client in affected if not client.downtime)
        names = ", ".join(dict.fromkeys(client.name for client in with_downtime))
        summary = f"{count}: {names}" if count else "none observed"
        return f"{summary}; {unaffected} without downtime" if unaffected else summary

    def _budget_policy(self) -> Section:
        view = budget_policy_view(self.gate, self.ledger.portfolio.zone)
        notes = [f"Releases as of this report: {view.answer.lower()}. {sentence(view.reason)}."]
        notes += [f"The answer depends on {view.decided_by}."] if view.decided_by else []
        notes += [f"Without the override: {view.override.computed}."] if view.override else []
        notes.append(f"By the budget of {own_window(self.product.window)}. {view.title}; source: {view.source}.")
        columns = ("Budget spent", "Releases", "Consequence", "Owner", "Status")
        rows = tuple(
            (
                words(step.spent),
                words(step.gate),
                words(step.consequence),
                words(step.owner),
                words(step.status),
            )
            for step in view.steps
        )
        return Section("policy", "Budget policy", tuple(notes), Table(columns, rows))

    def _stage_and_clients(self) -> Section:
        notes = [f"Stage: {self.product.stage.replace('-', ' ')}."] if self.product.stage else []
        notes += [f"Objective does not match: {violation.text}." for violation in self.violations]
        rows = tuple(self._client(dependent) for dependent in self.dependent_clients)
        columns = ("Client", "Count", "Risk", "Via", "Downtime of their product")
        if not rows:
            notes.append("No clients are configured.")
        return Section("clients", "Stage and clients", tuple(notes), Table(columns, rows) if rows else None)

    def _client(self, dependent: DependentClient) -> tuple[Cell, ...]:
        products, history = self.ledger.products, self.ledger.compositions[dependent.product]
        path = " > ".join(products[name].name for name in dependent.path)
        down = downtime(history.durations(self.report.window.measured)).point
        client = dependent.client
        return (words(client.name), doc.count(client.count), words(client.risk), words(path), doc.duration(down))

    def as_json(self) -> dict[str, Any]:
        """Return the context as an object of the JSON report, without contact details."""
        return {
            "stage": self.product.stage and self.product.stage.value,
            "misfits": [violation.as_json() for violation in self.violations],
            "affected": {name: [client.as_json() for client in clients] for name, clients in self.affected.items()},
            "value": None if self.value is None else self.value.as_json(),
            "gate": self.gate.as_json(self.product.id),
        }


def context_sections(ledger: Ledger, report: Report) -> ContextSections:
    """Return the product's context over the report's window."""
    product, end = ledger.products[report.product], report.window.measured.end
    clients = tuple(dependent_clients(ledger.portfolio, product.id))
    return ContextSections(
        ledger,
        product,
        report,
        violations_of(ledger.portfolio, product, report.readiness),
        tuple(dependent for dependent in clients if dependent.client.used_before(end, ledger.portfolio.zone)),
        {part.incident.id: affected_among(clients, ledger, part.incident, report.at) for part in report.incidents}
        if clients
        else {},
        _value(product, report),
        release_gate(ledger, product, report.at),
    )


def _value(product: Product, report: Report) -> Value | None:
    if product.value_per_hour is None:
        return None
    previous = report.trend[-2].figures.raw if len(report.trend) > 1 else None
    return value(product.value_per_hour.rate, report.figures.raw, previous)


def _cost_of_downtime(cost: Value) -> Section:
    def money(bounds: Money) -> tuple[Cell, ...]:
        texts = [format_money(amount, cost.rate.currency) for amount in bounds]
        low, point, high = (
            Cell(text, float(round(amount, 2)), Unit.MONEY) for text, amount in zip(texts, bounds, strict=True)
        )
        return (point, low, high)

    rows = tuple((words(name), *money(bounds)) for name, bounds in cost.amounts)
    if not rows:
        return Section("value", "Cost of downtime", ("No data for this window.",))
    table = Table(("Figure", "Estimate", "Minimum", "Maximum"), rows)
    return Section("value", "Cost of downtime", cost.assumptions, table)
