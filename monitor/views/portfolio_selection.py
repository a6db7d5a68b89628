"""Search, filters, order and groups of the portfolio page. All are parameters of the page's address."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Final, NamedTuple
from urllib.parse import urlencode

if TYPE_CHECKING:
    from monitor.views.portfolio_line import PortfolioLine

NO_TEAM: Final = "No team"
STATES: Final = {"down": "Down", "unknown": "Unknown", "by-design": "Down by design", "up": "Up"}  # the worst first
_WORST_FIRST: Final = tuple(STATES)


class Sort(StrEnum):
    """The order of the products: the worst state, the smallest value or the first name comes first."""

    STATE = "state"
    NAME = "name"
    BUDGET = "budget"
    AVAILABILITY = "availability"
    MAINTENANCE = "maintenance"

    @property
    def text(self) -> str:
        """The name of the order in the form."""
        return {"state": "worst state", "budget": "least budget left", "availability": "lowest availability"}.get(
            self.value, f"next {self.value}" if self is Sort.MAINTENANCE else self.value
        )


class Group(NamedTuple):
    """The products of one team. The title is empty if the page has no groups."""

    title: str
    lines: list[PortfolioLine]


@dataclass(frozen=True, slots=True)
class Selection:
    """The search, filters, order and grouping of a request. Empty texts select all products."""

    text: str = ""
    team: str = ""
    tag: str = ""
    state: str = ""
    sort: Sort = Sort.STATE
    by_team: bool = True

    @property
    def is_filter(self) -> bool:
        """Whether it may hide products."""
        return any((self.text, self.team, self.tag, self.state))

    @property
    def query(self) -> str:
        """The query of the page's address, without parameters that have their default."""
        values = {"q": self.text, "team": self.team, "tag": self.tag, "state": self.state}
        values["sort"] = "" if self.sort is Sort.STATE else self.sort.value
        values["group"] = "" if self.by_team else "none"
        return urlencode({name: value for name, value in values.items() if value})

    def groups(self, lines: Iterable[PortfolioLine]) -> list[Group]:
        """Return the selected products in their order, by team. The team of the first product is the first group."""
        ordered = sorted(filter(self._selects, lines), key=_ORDER[self.sort])
        groups: dict[str, list[PortfolioLine]] = {}
        for line in ordered:
            groups.setdefault(line.row.team if self.by_team else "", []).append(line)
        if len(groups) == 1:
            return [Group("", ordered)]
        return [Group(team or NO_TEAM, members) for team, members in groups.items()]

    def _selects(self, line: PortfolioLine) -> bool:
        """Return whether the line has the team, tag and state, and each word of the text in id, name, team or tags."""
        row = line.row
        known = " ".join((row.id, row.name, row.team, *row.tags)).casefold()
        return (
            self.team in ("", row.team or NO_TEAM)
            and (not self.tag or self.tag in row.tags)
            and self.state in ("", row.badge.style)
            and all(word in known for word in self.text.casefold().split())
        )


def _by_state(line: PortfolioLine) -> Any:
    return _WORST_FIRST.index(line.row.badge.style), line.row.name.casefold(), line.row.id


def _by_budget(line: PortfolioLine) -> Any:
    budget = line.budget
    return Fraction(budget.remaining) / Fraction(budget.allowed or 1), *_by_state(line)


def _by_availability(line: PortfolioLine) -> Any:
    """Sort products without a figure last."""
    point = line.row.bounds.point
    return point is None, point or 0, *_by_state(line)


def _by_maintenance(line: PortfolioLine) -> Any:
    """Sort products without planned maintenance last."""
    planned = line.maintenance
    return planned is None, "" if planned is None else planned.start.iso, *_by_state(line)


_ORDER: Final[dict[Sort, Callable[[PortfolioLine], Any]]] = {
    Sort.STATE: _by_state,
    Sort.NAME: lambda line: (line.row.name.casefold(), line.row.id),
    Sort.BUDGET: _by_budget,
    Sort.AVAILABILITY: _by_availability,
    Sort.MAINTENANCE: _by_maintenance,
}
