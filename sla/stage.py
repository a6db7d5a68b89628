"""Stages of a product: the objectives and clients that each stage allows, and violations of these limits.

The stages are those of the page "Digital Portfolio Manager" ("idea/A3, Proof of Concept, Pilots, Production for low
risk clients, Enterprise for high risk clients"). A policy file defines what each stage may promise.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, StrEnum
from itertools import pairwise
from typing import TYPE_CHECKING

from sla.objective import Objective

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from fractions import Fraction


class Stage(StrEnum):
    """The maturity of a product."""

    IDEA = "idea"
    PROOF_OF_CONCEPT = "proof-of-concept"
    PILOT = "pilot"
    PRODUCTION = "production"
    ENTERPRISE = "enterprise"

    @property
    def phrase(self) -> str:
        """The stage as text with an article: `a pilot`."""
        return _PHRASES[self]


_PHRASES = {
    Stage.IDEA: "an idea",
    Stage.PROOF_OF_CONCEPT: "a proof of concept",
    Stage.PILOT: "a pilot",
    Stage.PRODUCTION: "a product in production",
    Stage.ENTERPRISE: "an enterprise product",
}


class Risk(Enum):
    """The risk for the clients of a product, ordered by `value`. NONE: the product has no clients."""

    NONE = 0
    LOW = 1
    HIGH = 2

    @property
    def config_name(self) -> str:
        """The name in the configuration: none, low or high."""
        return self.name.lower()

    @classmethod
    def highest(cls, risks: Iterable[Risk]) -> Risk:
        """Return the highest risk. NONE if there are no risks."""
        return max(risks, key=lambda risk: risk.value, default=cls.NONE)


@dataclass(frozen=True, slots=True)
class StageTerms:
    """The limits of one stage, with their reason.

    `max_objective` is None if products of this stage may not promise an objective. Clients of a risk above
    `max_client_risk` are not allowed.
    """

    stage: Stage
    max_objective: Objective | None
    max_client_risk: Risk
    reason: str


@dataclass(frozen=True, slots=True)
class StagePolicy:
    """The terms of every stage, with their source.

    Raises:
        ValueError: a stage has no terms or several, or a later stage may promise less than an earlier stage.
    """

    id: str
    title: str
    source: str
    terms: tuple[StageTerms, ...]

    def __post_init__(self) -> None:
        stages = [term.stage for term in self.terms]
        for stage in Stage:
            if (count := stages.count(stage)) != 1:
                raise ValueError(
                    f"the policy {self.id} has {count} sets of limits for {stage}; define each stage exactly once"
                )
        ordered = [self.terms_for(stage) for stage in Stage]
        for before, after in pairwise(ordered):
            if _promise(before) > _promise(after) or before.max_client_risk.value > after.max_client_risk.value:
                relation = f"the limits of {after.stage} are lower than those of the earlier {before.stage}"
                raise ValueError(f"the policy {self.id} is not consistent: {relation}")

    def terms_for(self, stage: Stage) -> StageTerms:
        """Return the stage's terms."""
        return next(term for term in self.terms if term.stage is stage)


def _promise(terms: StageTerms) -> Fraction | int:
    return 0 if terms.max_objective is None else terms.max_objective.ratio


class ViolationKind(StrEnum):
    """The limit that is violated: of the stage, of the clients' risk, of the claim ceiling or of the hosting tier."""

    STAGE = "stage"
    CLIENTS = "clients"
    CEILING = "ceiling"
    HOSTING = "hosting"


@dataclass(frozen=True, slots=True)
class Violation:
    """A limit that a product's objective or stage violates, as a sentence with the remedy."""

    kind: ViolationKind
    text: str

    def as_json(self) -> dict[str, str]:
        """Return the object for the API and reports."""
        return {"about": self.kind.value, "text": self.text}


def violations(
    objective: Objective, stage: Stage | None, policy: StagePolicy, clients: Risk, ceiling: Fraction | None
) -> tuple[Violation, ...]:
    """Return the violations: an objective above the stage's limit or the ceiling, clients with a higher risk.

    `clients` is the highest risk of all direct and indirect clients. `ceiling` is the highest availability that the
    readiness allows to claim, or None. Without a stage, only the ceiling is checked.
    """
    result = (
        []
        if stage is None
        else [*_stage_violations(objective, policy.terms_for(stage)), *_client_violations(policy, stage, clients)]
    )
    if ceiling is not None and objective.ratio > ceiling:
        claim = Objective(ceiling)
        text = f"{objective} is above the claim ceiling of {claim}: meet the unmet prerequisites, or promise {claim}"
        result.append(Violation(ViolationKind.CEILING, text))
    return tuple(result)


def _stage_violations(objective: Objective, terms: StageTerms) -> Iterator[Violation]:
    phrase = terms.stage.phrase
    if terms.max_objective is None:
        yield Violation(ViolationKind.STAGE, f"{objective} for {phrase}: no objective may be promised ({terms.reason})")
    elif objective > terms.max_objective:
        text = f"{objective} for {phrase}: at most {terms.max_objective} may be promised ({terms.reason})"
        yield Violation(ViolationKind.STAGE, text)


def _client_violations(policy: StagePolicy, stage: Stage, clients: Risk) -> Iterator[Violation]:
    if clients.value <= policy.terms_for(stage).max_client_risk.value:
        return
    allowed = next((stage for stage in Stage if policy.terms_for(stage).max_client_risk.value >= clients.value), None)
    remedy = "no stage allows them" if allowed is None else f"they need {allowed.phrase}"
    text = f"{clients.config_name}-risk clients depend on {stage.phrase}: {remedy}"
    yield Violation(ViolationKind.CLIENTS, text)
