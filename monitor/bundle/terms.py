"""Products in a bundle: the part of the configuration that figures depend on, without addresses and secrets."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from monitor.config.agreement_meaning import agreement_meaning, agreement_of
from monitor.config.check import CheckBase
from monitor.config.clients import Client, ValuePerHour
from monitor.config.model import Portfolio, Product
from monitor.config.readiness import Attested, EvidenceBlock, ReadinessBlock
from sla.evidence import EvidenceKind
from sla.objective import Objective
from sla.readiness import Checklist, ChecklistItem
from sla.rule import Rule
from sla.service_hours import ServiceHours

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from monitor.config.agreement import Agreement
    from sla.exclusion import Exclusion
    from sla.interval import Interval


@dataclass(frozen=True, slots=True)
class StatedMaintenance:
    """Planned maintenance in a bundle: its occurrences instead of its rule."""

    occurrences: Sequence[Exclusion]

    def exclusions(self, window: Interval, _default: str) -> Iterator[Exclusion]:
        """Yield the maintenance that overlaps the window, in full length."""
        for occurrence in self.occurrences:
            if occurrence.interval.start < window.end and occurrence.interval.end > window.start:
                yield occurrence


def product_terms(product: Product, time_zone: str) -> dict[str, Any]:
    """Return the product as plain data. Durations are in microseconds, ratios are fractions.

    `time_zone` is the zone of an agreement without a zone. Service hours are also included as text, for audits.
    """
    return {
        "id": product.id,
        "was": list(product.was),
        "name": product.name,
        "objective": str(product.objective.ratio),
        "window_us": product.window,
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
    }


def _check_terms(check: CheckBase) -> dict[str, Any]:
    return {
        "id": check.id,
        "was": list(check.was),
        "interval_us": check.interval,
        "lateness_us": check.lateness,
        "hold_us": check.effective_hold,
        "fall": check.fall,
        "rise": check.rise,
    }


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
    """Return a portfolio of the products. `planned` is the maintenance by product id; the empty id is for all products.

    Raises:
        ValueError, KeyError, TypeError, AttributeError: the data is not from `product_terms`.
    """
    products = tuple(_product(term, planned.get(str(term["id"]), ())) for term in terms)
    for_all = (StatedMaintenance(planned.get("", ())),)
    return Portfolio.model_construct(time_zone=time_zone, products=products, maintenance=for_all)  # type: ignore[arg-type]


def _product(plain: Mapping[str, Any], planned: Sequence[Exclusion]) -> Product:
    return Product.model_construct(
        id=str(plain["id"]),
        was=tuple(map(str, plain["was"])),
        name=str(plain["name"]),
        objective=Objective(Fraction(plain["objective"])),
        window=int(plain["window_us"]),
        rule=Rule.parse(plain["rule"]),
        depends_on=tuple(map(str, plain["depends_on"])),
        parts=tuple(map(str, plain["parts"])),
        component=plain["component"],
        agreement=_agreement(plain),
        checks=tuple(_check(check) for check in plain["checks"]),
        clients=tuple(_client(client) for client in plain["clients"]),
        value_per_hour=None if plain["value_per_hour"] is None else _value(plain["value_per_hour"]),
        readiness=None if plain["readiness"] is None else _readiness(plain["readiness"]),
        maintenance=(StatedMaintenance(planned),),  # type: ignore[arg-type]
    )


def _agreement(plain: Mapping[str, Any]) -> Agreement:
    hours = ServiceHours.parse(plain["service_hours"])
    return agreement_of(plain["agreement"]).model_copy(update={"service_hours": hours})


def _check(plain: Mapping[str, Any]) -> CheckBase:
    return CheckBase.model_construct(
        id=str(plain["id"]),
        was=tuple(map(str, plain["was"])),
        interval=int(plain["interval_us"]),
        timeout=int(plain["lateness_us"]),
        hold=int(plain["hold_us"]),
        fall=int(plain["fall"]),
        rise=int(plain["rise"]),
    )


def _client(plain: Mapping[str, Any]) -> Client:
    since = None if plain["since"] is None else dt.date.fromisoformat(plain["since"])
    return Client.model_construct(name=str(plain["name"]), count=int(plain["count"]), risk=plain["risk"], since=since)


def _value(plain: Mapping[str, Any]) -> ValuePerHour:
    return ValuePerHour.model_construct(
        amount=Fraction(plain["amount"]), currency=str(plain["currency"]), basis=str(plain["basis"])
    )


def _readiness(plain: Mapping[str, Any]) -> ReadinessBlock:
    """Return the block. Bundles of earlier versions have attestations only."""
    attested = tuple(
        Attested.model_construct(
            item=str(attestation["item"]), by="", on=attestation.get("on_us"), until=int(attestation["until_us"])
        )
        for attestation in plain["attested"]
    )
    evidence = tuple(
        EvidenceBlock.model_construct(item=str(evidence["item"]), checks=tuple(map(str, evidence["checks"])))
        for evidence in plain.get("evidence", ())
    )
    items = tuple(map(_item, plain["items"]))
    return ReadinessBlock.model_construct(
        checklist=Checklist(str(plain["checklist"]), str(plain["title"]), "", items),
        attested=attested,
        evidence=evidence,
        deployments=int(plain.get("deployments", 1)),
        settle=int(plain.get("settle_us", 0)),
    )


def _item(plain: Mapping[str, Any]) -> ChecklistItem:
    return ChecklistItem(
        str(plain["id"]),
        str(plain["title"]),
        "",
        "",
        Fraction(plain["cap"]),
        because=str(plain.get("because", "")),
        kinds=tuple(map(EvidenceKind, plain.get("kinds", (EvidenceKind.ATTESTATION,)))),
        validity=plain.get("validity_us"),
        drills=tuple(map(str, plain.get("drills", ()))),
    )
