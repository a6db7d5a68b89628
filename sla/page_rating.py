"""Page marks: facts that the recipient of a page found it useful, or noise."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from sla.fact import Fact

if TYPE_CHECKING:
    from collections.abc import Iterable

PAGE_MARK: Final = "page_mark"


class Mark(StrEnum):
    """The assessment of a page. USEFUL: it required action. NOISE: it did not."""

    USEFUL = "useful"
    NOISE = "noise"


@dataclass(frozen=True, slots=True)
class PageMark:
    """The mark that the alert of `key` got at `made` (microseconds since the epoch) from the message to `receiver`.

    `by` is the person. `product` is empty for an alert about the monitor itself.
    """

    made: int
    key: str
    mark: Mark
    by: str
    receiver: str
    product: str = ""

    def fact(self) -> Fact:
        """Return the mark as a fact of the record."""
        body = {"key": self.key, "mark": self.mark.value, "receiver": self.receiver}
        return Fact.of(self.made, self.by, PAGE_MARK, self.product, body)


def page_marks(facts: Iterable[Fact]) -> list[PageMark]:
    """Return the marks among the facts in order. Of several marks of one person for one alert, the last is returned.

    Invalid marks are skipped.
    """
    marks: dict[tuple[str, str], PageMark] = {}
    for fact in facts:
        if fact.kind == PAGE_MARK and (mark := _read(fact)) is not None:
            marks.pop((mark.key, mark.by), None)
            marks[mark.key, mark.by] = mark
    return list(marks.values())


def _read(fact: Fact) -> PageMark | None:
    body = fact.content()
    try:
        key, mark = body["key"], Mark(body["mark"])
    except (KeyError, TypeError, ValueError):
        return None
    receiver = str(body.get("receiver", ""))
    return PageMark(fact.made, key, mark, fact.author, receiver, fact.product) if isinstance(key, str) else None
