"""Evidence for checklist items: attestations and measurements. `sla/readiness.py` decides which evidence counts.

Evidence expires and can be revoked. Attestations, deployments and drills are facts (`sla/fact.py`); measured evidence
is computed from the record (`sla/measured_evidence.py`). So the state of a checklist can be computed for a past
instant.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

from sla.drill import DRILL
from sla.fact import Fact
from sla.window import format_instant, parse_instant

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

ATTESTATION: Final = "attestation"
EVIDENCE_REVOCATION: Final = "evidence_revocation"
DEPLOYMENT: Final = "deployment"
REVOCABLE: Final = (ATTESTATION, DEPLOYMENT, DRILL)


class EvidenceKind(StrEnum):
    """A kind of evidence that an item may accept."""

    ATTESTATION = "attestation"
    """A statement of a person."""

    DEPLOYMENTS = "deployments"
    """The last deployments were without downtime."""

    DECOUPLING = "decoupling"
    """The product stayed up while its dependencies were down."""

    DRILL = "drill"
    """A drill met its recovery time and recovery point."""

    SITES = "sites"
    """Every site of the product answers directly."""

    CHECKS = "checks"
    """Checks of the portfolio are up: sites, certificates, backups, Prometheus queries, URLs, files."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """Evidence for one item, valid from `on` (None: not recorded) and before `until`, microseconds since the epoch.

    `supports`: True if it shows that the item is met, False if it shows the opposite, None if neither. `id` is the id
    of its fact; empty for measured and configured evidence. `listed` are the entries at the end of `detail`, such as
    outages, each after a semicolon.
    """

    item: str
    kind: EvidenceKind
    by: str
    on: int | None
    until: int
    detail: str = ""
    supports: bool | None = True
    id: str = ""
    listed: tuple[str, ...] = ()

    @property
    def details(self) -> tuple[str, ...]:
        """`detail` split into its first part and the listed entries; empty without a detail."""
        first = self.detail.removesuffix("".join(f"; {text}" for text in self.listed))
        return (first, *self.listed) if self.detail else ()

    def is_valid(self, at: int) -> bool:
        """Return whether the evidence is valid at the instant."""
        return self.exists_at(at) and at < self.until

    def exists_at(self, at: int) -> bool:
        """Return whether the evidence exists at the instant, expired or not."""
        return self.on is None or self.on <= at

    def as_json(self) -> dict[str, Any]:
        """Return the object of `ninewatch readiness --json`, instants RFC 3339 UTC."""
        return {
            "kind": self.kind.value,
            "by": self.by,
            "on": None if self.on is None else format_instant(self.on),
            "until": format_instant(self.until),
            "detail": self.detail,
        }


def attested(item: str, by: str, until: int, note: str = "", on: int | None = None) -> Evidence:
    """Return the attestation of an item by a person."""
    return Evidence(item, EvidenceKind.ATTESTATION, by, on, until, note)


def attestation_fact(made: int, by: str, product: str, item: str, until: int, note: str, link: str = "") -> Fact:
    """Return the fact that a person attests an item of the product until an instant."""
    body = {"item": item, "until": format_instant(until), "note": note} | ({"link": link} if link else {})
    return Fact.of(made, by, ATTESTATION, product, body)


def revocation_fact(made: int, by: str, product: str, revoked: str, reason: str) -> Fact:
    """Return the fact that revokes evidence: an attestation, a deployment or a drill."""
    return Fact.of(made, by, EVIDENCE_REVOCATION, product, {"revokes": revoked, "reason": reason})


def deployment_fact(made: int, by: str, product: str, at: int, version: str, link: str = "") -> Fact:
    """Return the fact that a version of the product was deployed at an instant."""
    body = {"at": format_instant(at), "version": version} | ({"link": link} if link else {})
    return Fact.of(made, by, DEPLOYMENT, product, body)


def revocations(facts: Iterable[Fact]) -> dict[str, str]:
    """Return the ids of revoked facts with the reasons."""
    bodies = (fact.content() for fact in facts if fact.kind == EVIDENCE_REVOCATION)
    return {str(body.get("revokes")): str(body.get("reason", "")) for body in bodies if isinstance(body, dict)}


def known_at(facts: Iterable[Fact], at: int) -> list[Fact]:
    """Return the facts that were made by the instant and not revoked by then."""
    past_facts = [fact for fact in facts if fact.made <= at]
    revoked = revocations(past_facts)
    return [fact for fact in past_facts if fact.id not in revoked]


def attestations(facts: Iterable[Fact]) -> Iterator[Evidence]:
    """Yield the attestations among the facts. Those that cannot be read (of newer versions) are skipped."""
    for fact in facts:
        if fact.kind == ATTESTATION and (attestation := _attestation(fact)) is not None:
            yield attestation


def _attestation(fact: Fact) -> Evidence | None:
    body = fact.content()
    try:
        item, until = str(body["item"]), parse_instant(str(body["until"]))
        detail = " ".join(str(body[name]) for name in ("note", "link") if body.get(name))
    except (AttributeError, KeyError, TypeError, ValueError, OverflowError):
        return None
    return Evidence(item, EvidenceKind.ATTESTATION, fact.author, fact.made, until, detail, id=fact.id)


@dataclass(frozen=True, slots=True, order=True)
class Deployment:
    """A deployment of a product at the instant `at`, microseconds since the epoch."""

    at: int
    version: str
    by: str
    link: str = ""
    id: str = ""


def deployments(facts: Iterable[Fact]) -> list[Deployment]:
    """Return the deployments among the facts in chronological order. Deployments that cannot be read are skipped."""
    stated = (_deployment(fact) for fact in facts if fact.kind == DEPLOYMENT)
    return sorted(deployment for deployment in stated if deployment is not None)


def _deployment(fact: Fact) -> Deployment | None:
    body = fact.content()
    try:
        at = parse_instant(str(body["at"]))
        return Deployment(at, str(body["version"]), fact.author, str(body.get("link", "")), fact.id)
    except (AttributeError, KeyError, TypeError, ValueError, OverflowError):
        return None
