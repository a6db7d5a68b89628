"""Products in a bundle: the configuration on which figures depend, without addresses and secrets."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from monitor.config.agreement_meaning import agreement_meaning, agreement_of
from monitor.config.check import CheckBase
from monitor.config.clients import Client, ValuePerHour
from monitor.config.latency_objectives import LatencyObjectiveBlock
from monitor.config.model import Portfolio, Product
from monitor.config.readiness import Attested, EvidenceBlock, ReadinessBlock
from sla.budget_window import BudgetWindow
from sla.calendar import Period
from sla.evidence import EvidenceKind
from sla.latency_objective import LatencyObjective
from sla.objective import Objective
from sla.readiness import Checklist, ChecklistItem
from sla.rule import Rule
from sla.service_hours import ServiceHours
from sla.votes import Quorum

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from monitor.config.agreement import Agreement
    from sla.exclusion import Exclusion
    from sla.interval import Interval


@dataclass(frozen=True, slots=True)
class StatedMaintenance:
    """Planned maintenance in a bundle, as occurrences instead of a rule."""

    occurrences: Sequence[Exclusion]

    def exclusions(self, window: Interval, _default: str) -> Iterator[Exclusion]:
        """Yield the occurrences that overlap the window, in full length."""
        for occurrence in self.occurrences:
            if occurrence.interval.start < window.end and occurrence.interval.end > window.start:
                yield occurrence


def product_terms(product: Product, time_zone: str) -> dict[str, Any]:
    """Return the product as plain data. Durations are in microseconds, ratios are fractions.

    `time_zone` applies to agreements without a zone. Service hours are also included as text, for auditors.
    """
    return {
        "id": product.id,
        "was": list(product.was),
        "name": product.name,
        "objective": str(product.objective.ratio),
        **_window_terms(product.window),
        "rule": str(product.rule),
        "depends_on": list(product.depends_on),
        "parts": list(product.parts),
        "component": product.component,
        "agreement": agreement_meaning(product.agreement, time_zone),
        "service_hours": str(product.agreement.service_hours),
        "checks": [_check_terms(check) for check in product.checks],
        "clients": [_client_terms(client) for client in product.clients],
        "value_per_hour": None if product.value_per_hour is None else _value_terms(product.value_per_hour),
        "readiness": None if product.readiness is None else _readiness_terms(product.readiness),
    } | _latency_terms(product.objectives)


def _window_terms(window: BudgetWindow) -> dict[str, Any]:
    """Return the window of the objective. Only calendar windows have a period, as in bundles of earlier versions."""
    return {"window_us": window.length} | ({} if window.period is None else {"window_period": window.period.value})


def _check_terms(check: CheckBase) -> dict[str, Any]:
    return {
        "id": check.id,
        "was": list(check.was),
        "interval_us": check.interval,
        "lateness_us": check.lateness,
        "hold_us": check.effective_hold,
        "fall": check.fall,
        "rise": check.rise,
        **_vantage_terms(check),
    } | _latency_terms(check.objectives)


def _vantage_terms(check: CheckBase) -> dict[str, Any]:
    """Return the check's vantages and quorum; empty for a single vantage, as in bundles of earlier versions."""
    return {"vantages": list(check.vantages), "quorum": str(check.quorum)} if len(check.vantages) > 1 else {}


def _latency_terms(blocks: Sequence[LatencyObjectiveBlock]) -> dict[str, Any]:
    """Return the latency objectives of a product or check; empty if there are none, as in bundles of version 1."""
    terms = [
        {"share": str(block.latency.objective.ratio), "limit_us": block.latency.limit, "window_us": block.window}
        for block in blocks
    ]
    return {"objectives": terms} if terms else {}


def _latency_objectives_from(data: Mapping[str, Any]) -> tuple[LatencyObjectiveBlock, ...]:
    return tuple(
        LatencyObjectiveBlock.model_construct(
            latency=LatencyObjective(Objective(Fraction(term["share"])), int(term["limit_us"])),
            window=int(term["window_us"]),
        )
        for term in data.get("objectives", ())
    )


def _client_terms(client: Client) -> dict[str, Any]:
    since = None if client.since is None else client.since.isoformat()
    return {"name": client.name, "count": client.count, "risk": client.risk, "since": since}


def _value_terms(value: ValuePerHour) -> dict[str, Any]:
    return {"amount": str(value.amount), "currency": value.currency, "basis": value.basis}


def _readiness_terms(block: ReadinessBlock) -> dict[str, Any]:
    attested = [
        {"item": attestation.item, "on_us": attestation.on, "until_us": attestation.until}
        for attestation in block.attested
    ]
    return {
        "checklist": block.checklist.id,
        "title": block.checklist.title,
        "items": [_item_terms(item) for item in block.checklist.items],
        "attested": attested,
        "evidence": [{"item": evidence.item, "checks": list(evidence.checks)} for evidence in block.evidence],
        "deployments": block.deployments,
        "settle_us": block.settle,
    }


def _item_terms(item: ChecklistItem) -> dict[str, Any]:
    return {
        "id": item.id,
        "title": item.title,
        "cap": str(item.cap),
        "because": item.because,
        "kinds": [kind.value for kind in item.kinds],
        "validity_us": item.validity,
        "drills": list(item.drills),
    }


def portfolio_of(
    terms: Sequence[Mapping[str, Any]], time_zone: str, planned: Mapping[str, Sequence[Exclusion]]
) -> Portfolio:
    """Return a portfolio of the products. `planned` is the maintenance by product id; the empty id means all products.

    Raises:
        ValueError, KeyError, TypeError, AttributeError: the data is not from `product_terms`.
    """
    products = tuple(_product_from(term, planned.get(str(term["id"]), ())) for term in terms)
    for_all = (StatedMaintenance(planned.get("", ())),)
    return Portfolio.model_construct(time_zone=time_zone, products=products, maintenance=for_all)  # type: ignore[arg-type]


def _product_from(data: Mapping[str, Any], planned: Sequence[Exclusion]) -> Product:
    return Product.model_construct(
        id=str(data["id"]),
        was=tuple(map(str, data["was"])),
        name=str(data["name"]),
        objective=Objective(Fraction(data["objective"])),
        window=_window_from(data),
        rule=Rule.parse(data["rule"]),
        objectives=_latency_objectives_from(data),
        depends_on=tuple(map(str, data["depends_on"])),
        parts=tuple(map(str, data["parts"])),
        component=data["component"],
        agreement=_agreement_from(data),
        checks=tuple(_check_from(check) for check in data["checks"]),
        clients=tuple(_client_from(client) for client in data["clients"]),
        value_per_hour=None if data["value_per_hour"] is None else _value_from(data["value_per_hour"]),
        readiness=None if data["readiness"] is None else _readiness_from(data["readiness"]),
        maintenance=(StatedMaintenance(planned),),  # type: ignore[arg-type]
    )


def _window_from(data: Mapping[str, Any]) -> BudgetWindow:
    if (period := data.get("window_period")) is not None:
        return BudgetWindow.calendar(Period(period))
    return BudgetWindow(int(data["window_us"]))


def _agreement_from(data: Mapping[str, Any]) -> Agreement:
    hours = ServiceHours.parse(data["service_hours"])
    return agreement_of(data["agreement"]).model_copy(update={"service_hours": hours})


def _check_from(data: Mapping[str, Any]) -> CheckBase:
    check = CheckBase.model_construct(
        id=str(data["id"]),
        was=tuple(map(str, data["was"])),
        interval=int(data["interval_us"]),
        timeout=int(data["lateness_us"]),
        hold=int(data["hold_us"]),
        fall=int(data["fall"]),
        rise=int(data["rise"]),
        objectives=_latency_objectives_from(data),
    )
    if "vantages" in data:
        check.set_vantages(tuple(map(str, data["vantages"][1:])), Quorum.parse(str(data["quorum"])))
    return check


def _client_from(data: Mapping[str, Any]) -> Client:
    since = None if data["since"] is None else dt.date.fromisoformat(data["since"])
    return Client.model_construct(name=str(data["name"]), count=int(data["count"]), risk=data["risk"], since=since)


def _value_from(data: Mapping[str, Any]) -> ValuePerHour:
    return ValuePerHour.model_construct(
        amount=Fraction(data["amount"]), currency=str(data["currency"]), basis=str(data["basis"])
    )


def _readiness_from(data: Mapping[str, Any]) -> ReadinessBlock:
    """Return the readiness block; in bundles of earlier versions it has attestations only."""
    attested = tuple(
        Attested.model_construct(
            item=str(attestation["item"]), by="", on=attestation.get("on_us"), until=int(attestation["until_us"])
        )
        for attestation in data["attested"]
    )
    evidence = tuple(
        EvidenceBlock.model_construct(item=str(evidence["item"]), checks=tuple(map(str, evidence["checks"])))
        for evidence in data.get("evidence", ())
    )
    items = tuple(map(_item_from, data["items"]))
    return ReadinessBlock.model_construct(
        checklist=Checklist(str(data["checklist"]), str(data["title"]), "", items),
        attested=attested,
        evidence=evidence,
        deployments=int(data.get("deployments", 1)),
        settle=int(data.get("settle_us", 0)),
    )


def _item_from(data: Mapping[str, Any]) -> ChecklistItem:
    return ChecklistItem(
        str(data["id"]),
        str(data["title"]),
        "",
        "",
        Fraction(data["cap"]),
        because=str(data.get("because", "")),
        kinds=tuple(map(EvidenceKind, data.get("kinds", (EvidenceKind.ATTESTATION,)))),
        validity=data.get("validity_us"),
        drills=tuple(map(str, data.get("drills", ()))),
    )
