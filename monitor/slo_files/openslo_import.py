"""Convert OpenSLO objects to a configuration. docs/openslo.md lists the supported parts."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from fractions import Fraction
from typing import TYPE_CHECKING, Final

from monitor.config.errors import ConfigError
from monitor.config.values import is_id
from monitor.slo_files.calendar_periods import period_of
from monitor.slo_files.errors import ConversionError
from monitor.slo_files.model import DataSourceObject, IndicatorObject, ObjectiveObject, OtherObject
from monitor.slo_files.queries import Queries
from monitor.slo_files.values import duration_text
from sla.interval import HOUR, MINUTE
from sla.objective import Objective

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from monitor.config.errors import Loc, Problem
    from monitor.config.yaml_writer import Plain
    from monitor.slo_files.model import Calendar, DataSourceSpec, IndicatorSpec, Target
    from monitor.slo_files.reader import ParsedObject
    from monitor.slo_files.values import Duration

DEFAULT_WINDOW: Final = "30d"
ALL_EVENTS: Final = Fraction(10**12 - 1, 10**12)  # the greatest value of `at_least`, which must be below 1
_ALTERNATIVE: Final = (
    "it is converted to a rolling window of {}; calendar periods are 1d, 1w, 1M, 1Q and 1Y from the first day of a "
    "period (1Y also from 1 April) at 00:00:00"
)
_SEVERAL_ZONES: Final = (
    "another calendar window has another time zone, and a configuration has one; use the same time zone, or import the "
    "SLOs from separate files"
)
_OCCURRENCES = (
    "Occurrences are approximated: each minute is up if its ratio of good events reaches the target, and all minutes "
    "count equally, regardless of their number of events"
)


@dataclass(slots=True)
class ImportResult:
    """The products of an import, and notes about approximated and unused parts.

    `time_zones` has the time zones of calendar windows, each with an error that is reported if there are several.
    """

    products: list[Mapping[str, Plain]] = field(default_factory=list)
    notes: list[Problem] = field(default_factory=list)
    time_zones: dict[str, Problem] = field(default_factory=dict)

    def configuration(self) -> Mapping[str, Plain]:
        """Return the configuration, with the time zone of the calendar windows."""
        keys: dict[str, Plain] = {"products": self.products}
        return {"time_zone": next(iter(self.time_zones)), **keys} if self.time_zones else keys


def import_objects(objects: Sequence[ParsedObject], prometheus: str | None = None) -> ImportResult:
    """Convert the SLOs to products. `prometheus` is the default address for metrics without a data source.

    Raises:
        ConfigError: SLOs cannot be converted; the exception contains all errors.
    """
    result, problems = ImportResult(), []
    indicators = {
        parsed.object.metadata.name: (parsed, parsed.object.spec)
        for parsed in objects
        if isinstance(parsed.object, IndicatorObject)
    }
    sources = {
        parsed.object.metadata.name: parsed.object.spec
        for parsed in objects
        if isinstance(parsed.object, DataSourceObject)
    }
    for parsed in objects:
        if isinstance(parsed.object, ObjectiveObject):
            conversion = _Conversion(parsed, parsed.object, indicators, sources, prometheus, result)
            try:
                conversion.run()
            except ConversionError as error:
                problems.append(conversion.document.problem(error.loc, error.message))
        elif isinstance(parsed.object, OtherObject):
            result.notes.append(parsed.problem(("kind",), f"{parsed.object.kind} is not used"))
    if not problems and not result.products:
        problems.append(objects[0].problem((), "the file has no SLO; add an object of kind SLO"))
    problems += list(result.time_zones.values())[1:]
    if problems:
        raise ConfigError(problems)
    return result


@dataclass(slots=True)
class _Conversion:
    """The conversion of one SLO. `document` is the document that errors refer to."""

    document: ParsedObject
    slo: ObjectiveObject
    indicators: Mapping[str, tuple[ParsedObject, IndicatorSpec]]
    sources: Mapping[str, DataSourceSpec]
    prometheus: str | None
    result: ImportResult

    def run(self) -> None:
        """Add one product per objective.

        Raises:
            ConversionError: the SLO cannot be converted.
        """
        targets = self.slo.spec.objectives
        self._note_unused()
        window = self._window()
        for index, target in enumerate(targets):
            product = self._identity(index, target)
            interval, at_least = self._slice(index, target)
            queries = self._queries(target, interval)
            check: dict[str, Plain] = {"id": "sli", **queries, "at_least": at_least, "interval": interval}
            self.result.products.append({**product, "window": window, "checks": [check]})

    def _note(self, loc: Loc, message: str) -> None:
        self.result.notes.append(self.document.problem(loc, message))

    def _note_unused(self) -> None:
        if self.slo.metadata.annotations:
            self._note(("metadata", "annotations"), "is not used")
        for label in self.slo.metadata.labels:
            if label != "team":
                self._note(("metadata", "labels", label), "is not used; only the label team is used")
        if self.slo.spec.alert_policies:
            self._note(("spec", "alertPolicies"), "is not used: burn alerts follow the objective and the window")

    def _identity(self, index: int, target: Target) -> dict[str, Plain]:
        metadata, has_several = self.slo.metadata, len(self.slo.spec.objectives) > 1
        name = f"{metadata.name}-{index + 1}" if has_several else metadata.name
        id_ = re.sub(r"[^a-z0-9_-]+", "-", name)
        if id_ != name:
            self._note(("metadata", "name"), f"is converted to the id {id_}")
        if not is_id(id_):
            raise ConversionError(("metadata", "name"), f"{id_} is too long for an id; use at most 63 characters")
        if id_ in {product["id"] for product in self.result.products}:
            raise ConversionError(("metadata", "name"), f"another SLO has the id {id_} already; rename one of them")
        name = " ".join(filter(None, (metadata.display_name, target.display_name if has_several else None)))
        identity: dict[str, Plain] = {"id": id_, **({"name": name} if name else {})}
        team = metadata.labels.get("team")
        if isinstance(team, str):
            identity["team"] = team
        return {**identity, "objective": str(Objective(target.ratio))}

    def _window(self) -> str:
        if not self.slo.spec.time_window:
            self._note(("spec",), f"has no timeWindow; {DEFAULT_WINDOW} is used")
            return DEFAULT_WINDOW
        window, loc = self.slo.spec.time_window[0], ("spec", "timeWindow", 0)
        length = duration_text(window.duration.length)
        if window.calendar is not None:
            return self._calendar_window(window.duration, window.calendar, length, (*loc, "calendar"))
        if window.duration.unit in "MQY":
            self._note(
                (*loc, "duration"),
                f"{window.duration} is converted to {length}, because rolling windows have a fixed length",
            )
        return length

    def _calendar_window(self, duration: Duration, calendar: Calendar, length: str, loc: Loc) -> str:
        """Return the calendar period, or a rolling window of `length` if there is no such period."""
        period = period_of(duration, calendar.start)
        if period is None:
            self._note(loc, f"{duration} from {calendar.start} is not a calendar period: {_ALTERNATIVE.format(length)}")
            return length
        self.result.time_zones.setdefault(calendar.time_zone, self.document.problem((*loc, "timeZone"), _SEVERAL_ZONES))
        return period.value

    def _slice(self, index: int, target: Target) -> tuple[str, str]:
        """Return the check's `interval` and `at_least`, the ratio of good events that it requires to be up."""
        if self.slo.spec.method == "Occurrences":
            self._note(("spec", "budgetingMethod"), _OCCURRENCES)
            return duration_text(MINUTE), str(Objective(target.ratio))
        loc: Loc = ("spec", "objectives", index)
        if target.slice_window is None:
            raise ConversionError(loc, "timeSliceWindow is missing; Timeslices need it: use 5m")
        if target.slice_target is None:
            raise ConversionError(loc, "timeSliceTarget is missing; Timeslices need it: use 0.95")
        if target.slice_window.length > 24 * HOUR:
            raise ConversionError(
                (*loc, "timeSliceWindow"), "is longer than a day; a check has an interval of at most 24h"
            )
        return duration_text(target.slice_window.length), str(Objective(min(target.slice_target, ALL_EVENTS)))

    def _queries(self, target: Target, interval: str) -> Mapping[str, Plain]:
        spec, slo_document = self.slo.spec, self.document
        queries = Queries(self.sources, self.prometheus, interval)
        loc: Loc = ("spec",)
        if spec.indicator is not None:
            loc, indicator = ("spec", "indicator", "spec"), spec.indicator.spec
        elif spec.indicator_ref is not None and spec.indicator_ref in self.indicators:
            self.document, indicator = self.indicators[spec.indicator_ref]
        else:
            raise ConversionError(("spec", "indicatorRef"), f'the file has no SLI "{spec.indicator_ref}"; add it')
        try:
            keys = queries.convert(indicator, target)
        except ConversionError as error:
            raise ConversionError((*loc, *error.loc), error.message) from None
        self.document = slo_document
        return keys
