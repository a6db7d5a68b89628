"""Reviews of objectives: facts with a person's decision, the reason, and the figures on which it is based.

The owner of a product's objectives reviews them at least once per cycle. A cycle starts with the last review, the first
one with the product's first definition.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from sla.fact import Fact
from sla.window import format_instant

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

OBJECTIVE_REVIEW: Final = "objective_review"
DECISIONS: Final[Mapping[str, str]] = {
    "keep": "keep the objectives",
    "raise": "raise an objective",
    "lower": "lower an objective",
    "change": "change the checks, the rule, the window or the agreement",
}


@dataclass(frozen=True, slots=True)
class ObjectiveReview:
    """A review of a product's objectives. `made` is in microseconds since the epoch.

    `decision` is a key of `DECISIONS`. `figures` is the JSON object of the figures at the instant of the review.
    """

    made: int
    author: str
    product: str
    decision: str
    reason: str
    figures: Mapping[str, Any] = field(default_factory=dict, hash=False)

    @property
    def id(self) -> str:
        """The id of the fact that records the review."""
        return self.fact().id

    def fact(self) -> Fact:
        """Return the review as a fact of the record."""
        body = {"decision": self.decision, "reason": self.reason, "figures": dict(self.figures)}
        return Fact.of(self.made, self.author, OBJECTIVE_REVIEW, self.product, body)

    def as_json(self) -> dict[str, Any]:
        """Return the object of the API."""
        return {
            "id": self.id,
            "product": self.product,
            "decision": self.decision,
            "author": self.author,
            "reason": self.reason,
            "made": format_instant(self.made),
            "figures": dict(self.figures),
        }


def as_review(fact: Fact) -> ObjectiveReview | None:
    """Read a review from a fact. None if the fact has another kind, or is invalid."""
    if fact.kind != OBJECTIVE_REVIEW:
        return None
    body = fact.content()
    try:
        decision, reason, figures = str(body["decision"]), str(body["reason"]), body.get("figures", {})
    except (KeyError, TypeError, AttributeError):
        return None
    if decision not in DECISIONS or not isinstance(figures, dict):
        return None
    return ObjectiveReview(fact.made, fact.author, fact.product, decision, reason, figures)


def stated_reviews(facts: Iterable[Fact]) -> list[ObjectiveReview]:
    """Return the reviews among the facts, in the order of the facts."""
    return [review for fact in facts if (review := as_review(fact)) is not None]


def review_due(last: ObjectiveReview | None, defined: int, cycle: int) -> int:
    """Return the instant at which the next review is due, microseconds.

    `defined` is the instant of the product's first definition, and `cycle` the length of the cycle.

    >>> review_due(None, defined=100, cycle=30)
    130
    """
    return (defined if last is None else last.made) + cycle
