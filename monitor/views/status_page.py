"""A public status page. The view has all values that may be published, and no others: templates get only this view."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import groupby
from typing import TYPE_CHECKING, Final, NamedTuple

from monitor.language import ENGLISH, translatable
from monitor.views.formatting import Moment, moment
from monitor.views.page_frame import is_recent, newest_observation
from monitor.views.planned_maintenance import upcoming
from monitor.views.public_incident import by_month, incident_view, incidents_of, stated_state
from monitor.views.recent_days import Day, day_of, in_language, midnights
from monitor.views.service_state import ServiceState, service_state, summary, worst
from sla import localtime
from sla.interval import MINUTE, Interval

if TYPE_CHECKING:
    from collections.abc import Sequence
    from fractions import Fraction

    from monitor.config.status_pages import Licence, Logo, StatusComponent, StatusPage
    from monitor.language import Language
    from monitor.ledger.ledger import Ledger
    from monitor.views.public_incident import IncidentView, Month
    from monitor.views.time_slice import TimeSlices
    from sla.after_exclusions import AfterExclusions
    from sla.availability import Bounds
    from sla.state_history import History
    from sla.states import Durations

VALID_FOR: Final = 5 * MINUTE  # a page is shown as old after this time
FIGURES: Final = {
    "contractual": translatable("Availability after the exclusions of the agreement, such as planned maintenance"),
    "raw": translatable("Availability with planned maintenance included"),
}


@dataclass(frozen=True, slots=True)
class DayRange:
    """Consecutive days without data, or one day with downtime, as a row of the table of a component."""

    name: str
    text: str


class DailyFigures(NamedTuple):
    """The durations of a day after exclusions; `excluded` in microseconds. `complete`: whether the day is over."""

    date: str
    durations: Durations
    excluded: int
    complete: bool


@dataclass(frozen=True, slots=True)
class ComponentView:
    """A component: its state, the columns of its days, and its figures over all these days."""

    id: str
    name: str
    description: str
    state: ServiceState
    days: Sequence[Day]
    daily: Sequence[DailyFigures]
    bounds: Bounds[Fraction | None]
    coverage: Fraction | None
    language: Language = ENGLISH

    @property
    def figure(self) -> str:
        """The estimate with its minimum."""
        if self.bounds.point is None:
            return self.language.gettext("no data")
        point, low = self.language.percent(self.bounds.point), self.language.percent(self.bounds.low)
        return self.language.gettext("{point}, at least {low}").format(point=point, low=low)

    @property
    def days_text(self) -> str:
        """The days in words, as the description of the chart."""
        text = self.language.gettext("{name}: {days} days, {down} with downtime, {unknown} without data")
        down = sum(1 for day in self.days if day.style == "down")
        unknown = sum(1 for day in self.days if day.style == "none")
        return text.format(name=self.name, days=len(self.days), down=down, unknown=unknown)

    @property
    def notable_days(self) -> list[DayRange]:
        """The days with downtime and the ranges of days without data, the newest first."""
        rows = []
        for style, group in groupby(reversed(self.days), key=lambda day: day.style):
            days = list(group)
            if style == "none":
                start, end = days[-1].name, days[0].name
                name = self.language.gettext("{start} to {end}").format(start=start, end=end)
                rows.append(DayRange(start if start == end else name, self.language.gettext("no data")))
            elif style == "down":
                rows += [DayRange(day.name, day.text.partition(":")[2].strip()) for day in days]
        return rows

    def in_language(self, language: Language) -> ComponentView:
        """Return the component with its texts in a language."""
        return replace(self, language=language, days=[in_language(day, language) for day in self.days])


@dataclass(frozen=True, slots=True)
class GroupView:
    """Components under one heading, which is empty for components without a group."""

    name: str
    components: Sequence[ComponentView]

    @property
    def state(self) -> ServiceState:
        """The worst state of the components."""
        return worst([component.state for component in self.components])


@dataclass(frozen=True, slots=True)
class PlannedView:
    """Planned maintenance: its time and the names of the components."""

    start: Moment
    end: Moment
    names: Sequence[str]
    in_progress: bool


@dataclass(frozen=True, slots=True)
class StatusPageView:
    """A status page at an instant. It is current until `valid_until`. `stale`: there are no current observations."""

    id: str
    title: str
    description: str
    logo: Logo | None
    licence: Licence | None
    subscribe: bool
    address: str
    figures: str
    made: Moment
    valid_until: Moment
    valid_until_ms: int
    newest: Moment | None
    newest_age: int
    stale: bool
    seeded_until: Moment | None
    zone: str
    groups: Sequence[GroupView]
    planned: Sequence[PlannedView]
    incidents: Sequence[IncidentView]
    languages: Sequence[str]
    language: Language = ENGLISH

    def in_language(self, language: Language) -> StatusPageView:
        """Return the page in a language. Names and other texts of the configuration stay as they are written."""
        if language is self.language:
            return self
        groups = [
            GroupView(group.name, [component.in_language(language) for component in group.components])
            for group in self.groups
        ]
        return replace(self, groups=groups, language=language)

    @property
    def query(self) -> str:
        """The query of the addresses of this language at the daemon. Empty for the default language."""
        return f"?lang={self.language.code}" if self.written_in else ""

    @property
    def written_in(self) -> str:
        """The code of the language of the configuration and of updates, if it is not that of the page."""
        return "" if self.language.code == self.languages[0] else self.languages[0]

    @property
    def current_incidents(self) -> list[IncidentView]:
        """The open incidents, the newest first."""
        return [incident for incident in self.incidents if incident.resolved is None]

    @property
    def past_months(self) -> list[Month]:
        """The resolved incidents by month, the newest first."""
        return by_month((incident for incident in self.incidents if incident.resolved is not None), self.language)

    @property
    def components(self) -> list[ComponentView]:
        """The components of all groups."""
        return [component for group in self.groups for component in group.components]

    @property
    def state(self) -> ServiceState:
        """The worst state of the components."""
        return worst([component.state for component in self.components])

    @property
    def sentence(self) -> str:
        """The overall state in one sentence without a full stop."""
        return summary([(component.name, component.state) for component in self.components], self.language)

    @property
    def figures_text(self) -> str:
        """The kind of availability that is published, in English."""
        return FIGURES[self.figures]


async def status_page_view(
    ledger: Ledger, page: StatusPage, now: int, slices: TimeSlices, valid: int = VALID_FOR
) -> StatusPageView:
    """Return the view of the page in English. `valid` is how long it is current, microseconds."""
    zone, incidents = ledger.portfolio.zone, incidents_of(ledger.facts, page.id)
    components = {}
    for component in page.components:
        view = await _component(ledger, page, component, now, slices)
        components[component.id] = replace(view, state=stated_state(view.state, incidents, component.id))
    entries = [entry for component in page.components for entry in ledger.entries_of(component.product)]
    newest = newest_observation(entries)
    return StatusPageView(
        id=page.id,
        title=page.title,
        description=page.description or "",
        logo=page.logo,
        licence=page.licence,
        subscribe=page.subscribe is not None,
        address=page.address(ledger.portfolio.public_url),
        figures=page.figures,
        made=moment(now, zone),
        valid_until=moment(now + valid, zone),
        valid_until_ms=(now + valid) // 1000,
        newest=None if newest is None else moment(newest, zone),
        newest_age=0 if newest is None else max(0, now - newest),
        stale=not any(is_recent(entry, now) for entry in entries),
        seeded_until=None if ledger.seeded_until is None else moment(ledger.seeded_until, zone),
        zone=ledger.portfolio.time_zone,
        groups=_groups(page, components),
        planned=_planned(ledger, page, now),
        incidents=[incident_view(incident, page, zone, now) for incident in incidents],
        languages=page.languages,
    )


def _groups(page: StatusPage, components: dict[str, ComponentView]) -> list[GroupView]:
    names = dict.fromkeys(component.group or "" for component in page.components)
    return [
        GroupView(name, [components[component.id] for component in page.components if (component.group or "") == name])
        for name in names
    ]


async def _component(
    ledger: Ledger, page: StatusPage, component: StatusComponent, now: int, slices: TimeSlices
) -> ComponentView:
    """Return the view of a component with its measured state."""
    product, zone = component.product, ledger.portfolio.zone
    spans = list(midnights(now, zone))
    window = Interval(spans[0].start, now)
    history: History | AfterExclusions
    if page.figures == "raw":
        history, measured = ledger.compositions[product], ledger.measured(product, window, now)
    else:
        history, measured = ledger.after_exclusions(product, window), ledger.contractual(product, window)
    days, daily = [], []
    for span in spans:
        durations = history.durations(span)
        days.append(day_of(durations, span, zone))
        date, excluded = str(localtime.day_of(span.start, zone)), span.length - durations.total
        daily.append(DailyFigures(date, durations, excluded, complete=span is not spans[-1]))
        await slices.yield_if_spent()
    return ComponentView(
        id=component.id,
        name=component.name,
        description=component.description or "",
        state=service_state(ledger, product, now),
        days=days,
        daily=daily,
        bounds=measured.availability,
        coverage=measured.coverage,
    )


def _planned(ledger: Ledger, page: StatusPage, now: int) -> list[PlannedView]:
    """Return the planned maintenance of the components, one entry per time, without reasons and authors."""
    products_by_time: dict[tuple[int, int], set[str]] = {}
    for planned in upcoming(ledger.facts, ledger.portfolio, now):
        span = planned.exclusion.interval
        products_by_time.setdefault((span.start, span.end), set()).add(planned.product)
    zone, rows = ledger.portfolio.zone, []
    for (start, end), products in products_by_time.items():
        if names := [component.name for component in page.components if component.product in products]:
            rows.append(PlannedView(moment(start, zone), moment(end, zone), names, in_progress=start <= now))
    return rows
