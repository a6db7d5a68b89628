"""Convert OpenSLO objects to a configuration. docs/openslo.md lists which parts are honoured."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from fractions import Fraction
from typing import TYPE_CHECKING, Final

from monitor.config.errors import ConfigError
from monitor.config.values import is_id
from monitor.slo_files.errors import MisfitError
from monitor.slo_files.model import DataSourceObject, IndicatorObject, ObjectiveObject, OtherObject
from monitor.slo_files.queries import Queries
from monitor.slo_files.values import duration_text
from sla.calendar import Period
from sla.interval import HOUR, MINUTE
from sla.objective import Objective

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from monitor.config.errors import Loc, Problem
    from monitor.config.yaml_writer import Plain
    from monitor.slo_files.model import DataSourceSpec, IndicatorSpec, Target
    from monitor.slo_files.reader import Read
    from monitor.slo_files.values import Duration

DEFAULT_WINDOW: Final = "30d"
ALL_EVENTS: Final = Fraction(10**12 - 1, 10**12)  # of a time slice: `at_least` is below 1
_OCCURRENCES = (
    "Occurrences are approximated: each minute is up if its share of good events reaches the target, and all minutes "
    "count the same, whatever their number of events"
)
_CALENDAR: Final = {
    "1d": Period.DAY,
    "1w": Period.WEEK,
    "1M": Period.MONTH,
    "1Q": Period.QUARTER,
    "3M": Period.QUARTER,
    "1Y": Period.YEAR,
    "12M": Period.YEAR,
}


@dataclass(slots=True)
class Imported:
    """The products of an import, and notes on what is approximated or not used."""

    products: list[Mapping[str, Plain]] = field(default_factory=list)
    notes: list[Problem] = field(default_factory=list)
    time_zones: set[str] = field(default_factory=set)

    def configuration(self) -> Mapping[str, Plain]:
        """Return the configuration. Its time zone is that of the calendar windows, if they have one in common."""
        if len(self.time_zones) == 1:
            return {"time_zone": next(iter(self.time_zones)), "products": self.products}
        return {"products": self.products}


def imported(objects: Sequence[Read], prometheus: str | None = None) -> Imported:
    """Return the products of the SLOs. `prometheus` is the address to query where no data source has one.

    Raises:
        ConfigError: an SLO cannot be converted; holds the reason for each.
    """
    found, problems = Imported(), []
    indicators = {
        each.object.metadata.name: (each, each.object.spec)
        for each in objects
        if isinstance(each.object, IndicatorObject)
    }
    sources = {
        each.object.metadata.name: each.object.spec for each in objects if isinstance(each.object, DataSourceObject)
    }
    for each in objects:
        if isinstance(each.object, ObjectiveObject):
            conversion = _Conversion(each, each.object, indicators, sources, prometheus, found)
            try:
                conversion.run()
            except MisfitError as misfit:
                problems.append(conversion.place.problem(misfit.loc, misfit.message))
        elif isinstance(each.object, OtherObject):
            found.notes.append(each.problem(("kind",), f"{each.object.kind} is not used"))
    if not problems and not found.products:
        problems.append(objects[0].problem((), "the file has no SLO; add an object of kind SLO"))
    if problems:
        raise ConfigError(problems)
    return found


@dataclass(slots=True)
class _Conversion:
    """The conversion of one SLO. `place` is the document that the next error is in."""

    place: Read
    slo: ObjectiveObject
    indicators: Mapping[str, tuple[Read, IndicatorSpec]]
    sources: Mapping[str, DataSourceSpec]
    prometheus: str | None
    found: Imported

    def run(self) -> None:
        """Add a product per objective.

        Raises:
            MisfitError: the SLO cannot be converted.
        """
        targets = self.slo.spec.objectives
        self._note_unused()
        window = self._window()
        for index, target in enumerate(targets):
            product = self._identity(index, target)
            interval, at_least = self._slice(index, target)
            queries = self._queries(target, interval)
            check: dict[str, Plain] = {"id": "sli", **queries, "at_least": at_least, "interval": interval}
            self.found.products.append({**product, "window": window, "checks": [check]})

    def _note(self, loc: Loc, message: str) -> None:
        self.found.notes.append(self.place.problem(loc, message))

    def _note_unused(self) -> None:
        if self.slo.metadata.annotations:
            self._note(("metadata", "annotations"), "is not used")
        for label in self.slo.metadata.labels:
            if label != "team":
                self._note(("metadata", "labels", label), "is not used; only the label team is")
        if self.slo.spec.alert_policies:
            self._note(("spec", "alertPolicies"), "is not used: burn alerts follow the objective and the window")

    def _identity(self, index: int, target: Target) -> dict[str, Plain]:
        metadata, several = self.slo.metadata, len(self.slo.spec.objectives) > 1
        name = f"{metadata.name}-{index + 1}" if several else metadata.name
        id_ = re.sub(r"[^a-z0-9_-]+", "-", name)
        if id_ != name:
            self._note(("metadata", "name"), f"becomes the id {id_}")
        if not is_id(id_):
            raise MisfitError(("metadata", "name"), f"{id_} is too long for an id; write at most 63 characters")
        if id_ in {product["id"] for product in self.found.products}:
            raise MisfitError(("metadata", "name"), f"another SLO has the id {id_} already; rename one of them")
        shown = " ".join(filter(None, (metadata.display_name, target.display_name if several else None)))
        named: dict[str, Plain] = {"id": id_, **({"name": shown} if shown else {})}
        team = metadata.labels.get("team")
        if isinstance(team, str):
            named["team"] = team
        return {**named, "objective": str(Objective(target.share))}

    def _window(self) -> str:
        if not self.slo.spec.time_window:
            self._note(("spec",), f"has no timeWindow; {DEFAULT_WINDOW} is used")
            return DEFAULT_WINDOW
        window, loc = self.slo.spec.time_window[0], ("spec", "timeWindow", 0)
        length = duration_text(window.duration.length)
        if window.calendar is not None:
            self.found.time_zones.add(window.calendar.time_zone)
            self._note((*loc, "calendar"), _calendar_note(window.duration, length))
        elif window.duration.unit in "MQY":
            self._note((*loc, "duration"), f"{window.duration} becomes {length}: a rolling window has a fixed length")
        return length

    def _slice(self, index: int, target: Target) -> tuple[str, str]:
        """Return the interval of the check, and the share of good events with which it is up."""
        if self.slo.spec.method == "Occurrences":
            self._note(("spec", "budgetingMethod"), _OCCURRENCES)
            return duration_text(MINUTE), str(Objective(target.share))
        loc: Loc = ("spec", "objectives", index)
        if target.slice_window is None:
            raise MisfitError(loc, "timeSliceWindow is missing; Timeslices need it: write 5m")
        if target.slice_target is None:
            raise MisfitError(loc, "timeSliceTarget is missing; Timeslices need it: write 0.95")
        if target.slice_window.length > 24 * HOUR:
            raise MisfitError((*loc, "timeSliceWindow"), "is longer than a day; a check has an interval of at most 24h")
        return duration_text(target.slice_window.length), str(Objective(min(target.slice_target, ALL_EVENTS)))

    def _queries(self, target: Target, interval: str) -> Mapping[str, Plain]:
        spec, own = self.slo.spec, self.place
        queries = Queries(self.sources, self.prometheus, interval)
        loc: Loc = ("spec",)
        if spec.indicator is not None:
            loc, indicator = ("spec", "indicator", "spec"), spec.indicator.spec
        elif spec.indicator_ref is not None and spec.indicator_ref in self.indicators:
            self.place, indicator = self.indicators[spec.indicator_ref]
        else:
            raise MisfitError(("spec", "indicatorRef"), f'the file has no SLI "{spec.indicator_ref}"; add it')
        try:
            found = queries.of(indicator, target)
        except MisfitError as misfit:
            raise MisfitError((*loc, *misfit.loc), misfit.message) from None
        self.place = own
        return found


def _calendar_note(duration: Duration, length: str) -> str:
    period = _CALENDAR.get(duration)
    figures = (
        f"`ninewatch report --window {period}` gives the figures of the calendar's" if period else "no report has it"
    )
    return f"a window of the calendar becomes a rolling one of {length}, which alerts and budgets follow; {figures}"
