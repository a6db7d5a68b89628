"""Metric lines of a product's windows: availability, coverage, downtime and burn rate."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from monitor.exporters.exposition import series
from monitor.exporters.families import PRODUCT_FAMILIES
from sla import availability as figures
from sla.budget import burn_rate_float
from sla.interval import SECOND
from sla.objective import format_duration
from sla.window import WINDOWS

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from sla.budget_window import BudgetWindow
    from sla.objective import Objective
    from sla.states import Durations

_AVAILABILITY, _COVERAGE, _DOWNTIME, _BURN = PRODUCT_FAMILIES[1:5]
BOUNDS: Final = ("low", "point", "high")


def window_name(length: int) -> str:
    """Return the value of the label `window`: `30d`."""
    names = (name for name, standard in WINDOWS.items() if standard == length)
    return next(names, format_duration(length).replace(" ", ""))


def label_of(window: BudgetWindow) -> str:
    """Return the value of the label `window` for the window of an objective: `30d`, `month`."""
    return window_name(window.length) if window.period is None else str(window)


class WindowLines:
    """The samples of a product's windows, which end at the same instant.

    Burn rates cover all `lengths`, other figures only the standard windows and the objective's window. Lines are
    formatted again only if the durations of their window changed.
    """

    __slots__ = ("_burns", "_windows")

    def __init__(self, product: str, window: int, lengths: Collection[int]) -> None:
        lengths = sorted(lengths)
        self._burns = {length: _BurnLine(product, window_name(length)) for length in lengths}
        self._windows = {
            length: _WindowTexts(product, window_name(length))
            for length in lengths
            if length in {*WINDOWS.values(), window}
        }

    def texts(self, measured: Mapping[int, Durations], objective: Callable[[int], Objective]) -> tuple[str, ...]:
        """Return one text per family. `objective` returns the objective of a window from its length."""
        windows = [lines.texts(measured[length]) for length, lines in self._windows.items()]
        burns = [line.text(objective(length), measured[length]) for length, line in self._burns.items()]
        return (*map("".join, zip(*windows, strict=True)), "".join(burns))


class CalendarLines:
    """The samples of a calendar window, with the figures of its elapsed part."""

    __slots__ = ("_burn", "_window")

    def __init__(self, product: str, window: str) -> None:
        self._window = _WindowTexts(product, window)
        self._burn = _BurnLine(product, window)

    def texts(self, durations: Durations, objective: Objective) -> tuple[str, ...]:
        """Return one text per family; all are empty at the start of the window."""
        if not durations.total:
            return "", "", "", ""
        return *self._window.texts(durations), self._burn.text(objective, durations)


class _BurnLine:
    """The burn-rate line of one window, formatted again only if objective or durations changed."""

    __slots__ = ("_durations", "_objective", "_prefix", "_text")

    def __init__(self, product: str, window: str) -> None:
        self._prefix = series(_BURN.name, product=product, window=window)
        self._objective: Objective | None = None
        self._durations: Durations | None = None
        self._text = ""

    def text(self, objective: Objective, durations: Durations) -> str:
        """Return the line, empty if no time is known."""
        if objective is not self._objective or durations != self._durations:
            self._objective, self._durations = objective, durations
            rate = burn_rate_float(objective, durations)
            self._text = "" if rate is None else f"{self._prefix}{rate!r}\n"
        return self._text


class _WindowTexts:
    """The other lines of one window."""

    __slots__ = ("_availability", "_coverage", "_downtime", "_durations", "_texts")

    def __init__(self, product: str, window: str) -> None:
        names = {"product": product, "window": window}
        self._availability = [series(_AVAILABILITY.name, **names, bound=bound) for bound in BOUNDS]
        self._coverage = series(_COVERAGE.name, **names)
        self._downtime = [series(_DOWNTIME.name, **names, bound=bound) for bound in BOUNDS]
        self._durations: Durations | None = None
        self._texts = ("", "", "")

    def texts(self, durations: Durations) -> tuple[str, str, str]:
        """Return the lines of availability, coverage and downtime, formatted again only if the durations changed."""
        if durations != self._durations:
            self._durations, self._texts = durations, self._format(durations)
        return self._texts

    def _format(self, durations: Durations) -> tuple[str, str, str]:
        (low, point, high), coverage = figures.shares(durations)
        least, estimate, most = figures.downtime(durations)
        low_prefix, point_prefix, high_prefix = self._availability
        least_prefix, estimate_prefix, most_prefix = self._downtime
        point_line = "" if point is None else f"{point_prefix}{point!r}\n"
        return (
            f"{low_prefix}{low!r}\n{point_line}{high_prefix}{high!r}\n",
            f"{self._coverage}{coverage!r}\n",
            f"{least_prefix}{least / SECOND!r}\n"
            f"{estimate_prefix}{estimate / SECOND!r}\n"
            f"{most_prefix}{most / SECOND!r}\n",
        )
