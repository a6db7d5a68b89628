"""On-call rotas: a calendar file or listed shifts, in the local time of a zone."""

from __future__ import annotations

from collections.abc import Iterator

from pydantic import model_validator

from monitor import zones
from monitor.config.agreement import Hours
from monitor.config.base import Model
from monitor.config.maintenance import CalendarFile, Maintenance, Moment, Recurrence, ZoneName
from monitor.config.values import Id, Text, problem_at
from sla.interval import Interval
from sla.on_call import Shift
from sla.service_hours import ALWAYS

_NO_PERSON = "(no summary)"


class ShiftBlock(Model):
    """A shift of one person, single or recurring."""

    person: Text
    """The person, as in time sheets: a name, initials or an employee number."""

    start: Moment
    """Start, in local time: `2026-11-02T08:00`."""

    end: Moment
    """End. The next shift can start at this instant."""

    rrule: Recurrence | None = None
    """Recurrence (RFC 5545), at most daily. Every third week: `FREQ=WEEKLY;INTERVAL=3`."""

    @model_validator(mode="after")
    def _in_order(self) -> ShiftBlock:
        self.timing(None).check_times()
        return self

    def timing(self, zone: str | None) -> Maintenance:
        """Return the shift's times as a maintenance block, which has the same syntax and rules."""
        return Maintenance.model_construct(
            start=self.start, end=self.end, rrule=self.rrule, ics=None, zone=zone, reason=self.person
        )


class Rota(Model):
    """An on-call rota: `ics` or `shifts`."""

    id: Id
    """Identifies the rota in steps of escalations and in the output of `ninewatch standby`."""

    products: tuple[Id, ...] = ()
    """The products of the rota. Default: all."""

    ics: CalendarFile | None = None
    """An iCalendar file whose events are shifts; the summary is the person. A relative path is relative to the
    configuration file that contains the key.
    """

    shifts: tuple[ShiftBlock, ...] = ()
    """The shifts."""

    cover: Hours = ALWAYS
    """Hours in which a person must be on call: `"Mon-Fri 17:00-08:00, Sat-Sun 00:00-24:00"`, or `24/7`."""

    zone: ZoneName | None = None
    """Time zone of the times. Default: the portfolio's `time_zone`."""

    @model_validator(mode="after")
    def _one_source(self) -> Rota:
        if self.ics is None and not self.shifts:
            raise problem_at("shifts", "is missing; add shifts, or ics and a calendar file")
        if self.ics is not None and self.shifts:
            raise problem_at("shifts", "is not allowed with ics; remove one of the two")
        return self

    def shifts_in(self, window: Interval, default: str) -> Iterator[Shift]:
        """Yield the shifts that overlap the window, in full length. `default` is the zone if none is set."""
        for timing in self._timings(self.zone or default):
            for shift in timing.exclusions(window, self.zone or default):
                yield Shift(shift.reason or _NO_PERSON, shift.interval, self.id)

    def people_on_call(self, now: int, default: str) -> list[str]:
        """Return the people on call at the instant, without duplicates."""
        shifts = self.shifts_in(Interval(now, now + 1), default)
        return list(dict.fromkeys(shift.person for shift in shifts if shift.interval.start <= now < shift.interval.end))

    def _timings(self, zone: str) -> Iterator[Maintenance]:
        if self.ics is not None:
            yield Maintenance.model_construct(
                start=None, end=None, rrule=None, ics=self.ics, zone=self.zone, reason=None
            )
        for shift in self.shifts:
            yield shift.timing(zone)

    def required_times(self, window: Interval, default: str) -> Iterator[Interval]:
        """Yield the times in the window at which a person must be on call."""
        return self.cover.within(window, zones.zone(self.zone or default))
