"""Stages of a product: which objectives and clients each allows, and objectives that do not match.

The order is that of the page "Digital Portfolio Manager" ("idea/A3, Proof of Concept, Pilots, Production for low risk
clients, Enterprise for high risk clients"). What each stage may promise is a policy, and comes from a file.
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
    """How far a product has come."""

    IDEA = "idea"
    PROOF_OF_CONCEPT = "proof-of-concept"
    PILOT = "pilot"
    PRODUCTION = "production"
    ENTERPRISE = "enterprise"

    @property
    def words(self) -> str:
        """The stage within a sentence: `a pilot`."""
        return _WORDS[self]


_WORDS = {
    Stage.IDEA: "an idea",
    Stage.PROOF_OF_CONCEPT: "a proof of concept",
    Stage.PILOT: "a pilot",
    Stage.PRODUCTION: "a product in production",
    Stage.ENTERPRISE: "an enterprise product",
}


class Risk(Enum):
    """The risk for the clients of a product; ordered by `value`. NONE: it has no clients."""

    NONE = 0
    LOW = 1
    HIGH = 2

    @property
    def word(self) -> str:
        """Return it as it is written: none, low or high."""
        return self.name.lower()

    @classmethod
    def highest(cls, risks: Iterable[Risk]) -> Risk:
        """Return the highest of them, NONE of none."""
        return max(risks, key=lambda risk: risk.value, default=cls.NONE)


@dataclass(frozen=True, slots=True)
class Terms:
    """What one stage may promise. `highest` is None where it may promise nothing at all.

    `clients` is the highest risk of those who may rely on it, `reason` why it is so, in words.
    """

    stage: Stage
    highest: Objective | None
    clients: Risk
    reason: str


@dataclass(frozen=True, slots=True)
class Policy:
    """The terms of every stage, and where they come from.

    Raises:
        ValueError: a stage has no terms, or two; or a later stage may promise less than one before it.
    """

    id: str
    title: str
    source: str
    terms: tuple[Terms, ...]

    def __post_init__(self) -> None:
        named = [each.stage for each in self.terms]
        for stage in Stage:
            if named.count(stage) != 1:
                raise ValueError(f"the policy {self.id} has {named.count(stage)} terms for {stage}; write one for each")
        ordered = [self.of(stage) for stage in Stage]
        for before, after in pairwise(ordered):
            if _promise(before) > _promise(after) or before.clients.value > after.clients.value:
                raise ValueError(f"the policy {self.id} lets {after.stage} promise less than {before.stage}, before it")

    def of(self, stage: Stage) -> Terms:
        """Return the stage's terms."""
        return next(each for each in self.terms if each.stage is stage)


def _promise(terms: Terms) -> Fraction | int:
    return 0 if terms.highest is None else terms.highest.ratio


class About(StrEnum):
    """What an objective, or a stage, does not fit."""

    STAGE = "stage"
    CLIENTS = "clients"
    CEILING = "ceiling"
    HOSTING = "hosting"


@dataclass(frozen=True, slots=True)
class Misfit:
    """One thing that does not fit, in a sentence that says what to do."""

    about: About
    text: str

    def as_json(self) -> dict[str, str]:
        """Return the object of API and reports."""
        return {"about": self.about.value, "text": self.text}


def misfits(
    objective: Objective, stage: Stage | None, policy: Policy, clients: Risk, ceiling: Fraction | None
) -> tuple[Misfit, ...]:
    """Return what does not fit: objective and stage, stage and clients, objective and ceiling.

    `clients` is the highest risk of all who rely on the product, through other products too. `ceiling` is the highest
    availability that its readiness lets it claim, None where nothing caps it. Without a stage only the ceiling speaks.
    """
    found = [] if stage is None else [*_of_stage(objective, policy.of(stage)), *_of_clients(policy, stage, clients)]
    if ceiling is not None and objective.ratio > ceiling:
        claim = Objective(ceiling)
        text = f"{objective} is above the claim ceiling of {claim}: meet the unmet prerequisites, or promise {claim}"
        found.append(Misfit(About.CEILING, text))
    return tuple(found)


def _of_stage(objective: Objective, terms: Terms) -> Iterator[Misfit]:
    words = terms.stage.words
    if terms.highest is None:
        yield Misfit(About.STAGE, f"{objective} for {words}: no objective may be promised ({terms.reason})")
    elif objective > terms.highest:
        most = terms.highest
        yield Misfit(About.STAGE, f"{objective} for {words}: at most {most} may be promised ({terms.reason})")


def _of_clients(policy: Policy, stage: Stage, clients: Risk) -> Iterator[Misfit]:
    if clients.value <= policy.of(stage).clients.value:
        return
    fit = next((each for each in Stage if policy.of(each).clients.value >= clients.value), None)
    remedy = "no stage allows them" if fit is None else f"they need {fit.words}"
    text = f"clients of {clients.word} risk depend on {stage.words}: {remedy}"
    yield Misfit(About.CLIENTS, text)
