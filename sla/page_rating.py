"""Page ratings: facts that record whether the recipient of a page found it useful."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from sla.fact import Fact

if TYPE_CHECKING:
    from collections.abc import Iterable

PAGE_RATING: Final = "page_mark"


class Rating(StrEnum):
    """The assessment of a page. USEFUL: it required action. NOISE: it did not."""

    USEFUL = "useful"
    NOISE = "noise"


@dataclass(frozen=True, slots=True)
class PageRating:
    """The rating of the alert `key` at `made` (microseconds since the epoch), given on the message to `receiver`.

    `by` is the person. `product` is empty for an alert about the monitor itself.
    """

    made: int
    key: str
    rating: Rating
    by: str
    receiver: str
    product: str = ""

    def fact(self) -> Fact:
        """Return the rating as a fact of the record."""
        body = {"key": self.key, "mark": self.rating.value, "receiver": self.receiver}
        return Fact.of(self.made, self.by, PAGE_RATING, self.product, body)


def page_ratings(facts: Iterable[Fact]) -> list[PageRating]:
    """Return the ratings among the facts in order. Invalid ratings are skipped.

    If a person rated an alert several times, only the last rating is returned.
    """
    ratings: dict[tuple[str, str], PageRating] = {}
    for fact in facts:
        if fact.kind == PAGE_RATING and (rating := _read(fact)) is not None:
            ratings.pop((rating.key, rating.by), None)
            ratings[rating.key, rating.by] = rating
    return list(ratings.values())


def _read(fact: Fact) -> PageRating | None:
    body = fact.content()
    try:
        key, rating = body["key"], Rating(body["mark"])
    except (KeyError, TypeError, ValueError):
        return None
    receiver = str(body.get("receiver", ""))
    return PageRating(fact.made, key, rating, fact.author, receiver, fact.product) if isinstance(key, str) else None
