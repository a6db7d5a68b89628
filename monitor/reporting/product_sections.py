"""Sections of a report about one product."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from monitor.reporting import document as doc
from monitor.reporting.admission_section import admission_section
from monitor.reporting.analysis_sections import confidence_section, downtime_split_section
from monitor.reporting.credit_section import credit_section
from monitor.reporting.document import Cell, Section, Table, words
from monitor.reporting.drill_section import drill_sections
from monitor.reporting.latency_section import latency_section
from monitor.reporting.period_names import period_name
from monitor.reporting.promise_section import promise_section
from monitor.reporting.site_section import site_sections
from monitor.views.agreement import degraded_share, degraded_text, limit_text
from monitor.views.formatting import rounded_duration
from monitor.views.incident_line import DURATION_NOTE, failure_texts
from monitor.views.product_summary import guess_note, observed_since_note
from sla.exclusion import totals
from sla.objective import format_duration

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from zoneinfo import ZoneInfo

    from monitor.config.model import Product
    from monitor.reporting.context_sections import ContextSections
    from sla.exclusion import Exclusion
    from sla.incident import Incident, IncidentPart
    from sla.measured import MeasuredObjective
    from sla.report import Report, Step

ONGOING = "ongoing"


@dataclass(frozen=True, slots=True)
class SectionInputs:
    """Inputs of the sections: product configuration, time zone, display names, context sections."""

    product: Product
    zone: ZoneInfo
    names: Mapping[str, str]
    context_sections: ContextSections


def sections(report: Report, context: SectionInputs) -> Iterator[Section]:
    """Yield the sections of the report on one product in their order."""
    yield _budget(report, context.zone)
    yield _trend(report, context.zone)
    yield _figures(report, context)
    yield from _outage_limits(report)
    ledger, end = context.context_sections.ledger, report.figures.raw.window.end
    yield from credit_section(ledger, context.product, report)
    yield from latency_section(ledger, context.product, end)
    yield _incidents(report, context)
    yield _exclusions(report, context.zone)
    yield from _maintenance_not_excluded(report, context)
    yield from downtime_split_section(report, context.names)
    yield from context.context_sections.sections()
    yield from site_sections(ledger, context.product, report)
    yield from drill_sections(ledger, context.product, report)
    yield from admission_section(ledger, context.product, report)
    yield confidence_section(report)
    yield promise_section(report, context.product)
    yield _steps(report, context.zone)


_ROWS: tuple[tuple[str, Callable[[MeasuredObjective], Cell]], ...] = (
    ("Availability, estimate", lambda m: doc.ratio(m.availability.point)),
    ("Availability, minimum", lambda m: doc.ratio(m.availability.low)),
    ("Availability, maximum", lambda m: doc.ratio(m.availability.high)),
    ("Coverage", lambda m: doc.ratio(m.coverage, 2)),
    ("Objective", lambda m: Cell(str(m.objective), float(m.objective.ratio), doc.Unit.RATIO)),
    ("Verdict", lambda m: words(str(m.verdict))),
    ("Downtime, estimate", lambda m: doc.durations(m.downtime).point),
    ("Downtime, minimum", lambda m: doc.durations(m.downtime).low),
    ("Downtime, maximum", lambda m: doc.durations(m.downtime).high),
    ("Budget allowed", lambda m: doc.duration(m.budget.allowed)),
    ("Budget remaining", lambda m: doc.duration(m.budget.remaining)),
    ("Time up", lambda m: doc.duration(m.durations.up)),
    ("Time down", lambda m: doc.duration(m.durations.down)),
    ("Time in doubt", lambda m: doc.duration(m.durations.doubt)),
    ("Time unknown", lambda m: doc.duration(m.durations.unknown)),
    ("Unknown time estimated as up", lambda m: doc.duration(m.durations.guessed_up)),
    ("Unknown time estimated as down", lambda m: doc.duration(m.durations.guessed_down)),
    ("Time excluded", lambda m: doc.duration(m.excluded)),
)


def _figures(report: Report, context: SectionInputs) -> Section:
    figure_pair = (report.figures.contractual, report.figures.raw)
    rows = (*((words(name), *(figure(m) for m in figure_pair)) for name, figure in _ROWS), *_degraded_rows(report))
    notes = [
        "Contractual figures exclude the time listed below; raw figures exclude none. Percentages are rounded down."
    ]
    raw, history = report.figures.raw, context.context_sections.ledger.compositions[report.product]
    notes += [f"{text}." for text in (observed_since_note(raw, context.zone), guess_note(history, raw)) if text]
    notes += [f"{text}." for text in [degraded_text(report.figures.contractual)] if text]
    return Section("figures", "Figures", tuple(notes), Table(("Figure", "Contractual", "Raw"), rows))


def _degraded_rows(report: Report) -> Iterator[tuple[Cell, ...]]:
    """Yield the degraded time that counts as downtime, if the agreement counts it. It is up in the raw figures."""
    if (degraded := report.figures.contractual.degraded) is not None:
        none, share = doc.duration(0), doc.ratio(degraded_share(report.figures.contractual))
        names = [f"Degraded time counted as downtime, {bound}" for bound in ("estimate", "minimum", "maximum")]
        for name, us in zip(names, (degraded.point, degraded.low, degraded.high), strict=True):
            yield words(name), doc.duration(us), none
        yield words("Share of degraded time in the downtime"), share, doc.ratio(None)


def _outage_limits(report: Report) -> Iterator[Section]:
    """Yield the section "Outage limits", if the agreement has any."""
    rows = tuple(
        (words(limit_text(outage.limit)), *map(doc.duration, outage.measured), words(outage.verdict.value))
        for outage in report.figures.outages
    )
    if rows:
        columns = ("Limit", "Minimum", "Estimate", "Maximum", "Verdict")
        note = "An outage is uninterrupted contractual downtime. The maximum counts unknown time as downtime."
        yield Section("outage-limits", "Outage limits", (note,), Table(columns, rows))


def _period(step: Step, zone: ZoneInfo) -> Cell:
    name = period_name(step.window, zone)
    return words(f"{name}, in progress" if step.window.in_progress else name)


def _budget(report: Report, zone: ZoneInfo) -> Section:
    def row(step: Step) -> tuple[Cell, ...]:
        m = step.figures.contractual
        budget = m.budget
        amounts = budget.allowed, budget.spent, budget.remaining
        return (_period(step, zone), *map(doc.duration, amounts), words(str(m.verdict)))

    columns = ("Month", "Allowed", "Spent", "Remaining", "Verdict")
    note = (
        "Allowed: contractual downtime that the objective permits per calendar month. Unknown time does not consume "
        "the budget."
    )
    if not report.months:
        return Section("budget", "Error budget by month", ("No data.",))
    return Section("budget", "Error budget by month", (note,), Table(columns, tuple(map(row, report.months))))


def _trend(report: Report, zone: ZoneInfo) -> Section:
    def row(step: Step) -> tuple[Cell, ...]:
        raw, m = step.figures.raw, step.figures.contractual
        low, point, high = m.availability
        shares = (doc.ratio(point), doc.ratio(low), doc.ratio(high), doc.ratio(raw.availability.point))
        return (_period(step, zone), *shares, doc.ratio(m.coverage, 2), doc.duration(m.downtime.point))

    columns = ("Period", "Contractual", "Minimum", "Maximum", "Raw", "Coverage", "Downtime")
    notes = () if len(report.trend) > 1 else ("The record has no earlier period.",)
    return Section("trend", "Trend", notes, Table(columns, tuple(map(row, report.trend))))


def _incidents(report: Report, context: SectionInputs) -> Section:
    zone, context_sections = context.zone, context.context_sections

    def row(part: IncidentPart) -> tuple[Cell, ...]:
        incident = part.incident
        return (
            doc.at(incident.opened, zone),
            doc.at(incident.resolved, zone, ONGOING),
            words(incident.check.partition("/")[2]),
            words(": ".join([incident.reason, *failure_texts(incident)[:1]])),
            _duration_so_far(incident, (incident.resolved or report.at) - incident.opened),
            _duration_so_far(incident, incident.downtime),
            _duration_so_far(incident, part.downtime_in_window),
            *([words(context_sections.affected_text(incident.id))] if context_sections.dependent_clients else []),
        )

    columns = ("Start", "End", "Check", "Reason", "Duration", "Downtime", "Downtime in window")
    if not report.incidents:
        return Section("incidents", "Incidents", ("No incidents.",))
    notes = (
        "Each incident belongs to one check; the product's rule decides whether the product was down.",
        DURATION_NOTE,
    )
    table = Table(
        (*columns, *(["Affected"] if context_sections.dependent_clients else [])), tuple(map(row, report.incidents))
    )
    return Section("incidents", "Incidents", notes, table)


def _duration_so_far(incident: Incident, us: int | None) -> Cell:
    """Return the duration, marked "so far" while the incident is open."""
    if us is None:
        return doc.duration(us)
    return replace(
        doc.duration(us),
        text=rounded_duration(us) if incident.resolved is not None else f"{rounded_duration(us)} so far",
    )


def _exclusions(report: Report, zone: ZoneInfo) -> Section:
    rows = tuple(
        (
            doc.at(excluded.interval.start, zone),
            doc.at(excluded.interval.end, zone),
            doc.duration(excluded.interval.length),
            words(" + ".join(dict.fromkeys(str(exclusion.cause) for exclusion in excluded.causes))),
            words("; ".join(_reason(exclusion) for exclusion in excluded.causes)),
            words("; ".join(_author(exclusion, zone) for exclusion in excluded.causes if exclusion.author)),
        )
        for excluded in report.figures.excluded_pieces
    )
    columns = ("From", "To", "Duration", "Cause", "Reason", "Source")
    sums = [f"{format_duration(us)} of {cause}" for cause, us in totals(report.figures.excluded_pieces).items()]
    note = f"Total {format_duration(report.figures.excluded)}: {', '.join(sums)}." if rows else "No time excluded."
    return Section("exclusions", "Excluded time", (note,), Table(columns, rows) if rows else None)


def _maintenance_not_excluded(report: Report, context: SectionInputs) -> Iterator[Section]:
    """Yield the section "Maintenance not excluded", if some maintenance does not meet the agreement's terms."""
    ledger, zone = context.context_sections.ledger, context.zone
    rows = tuple(
        (
            doc.at(not_excluded.exclusion.interval.start, zone),
            doc.at(not_excluded.exclusion.interval.end, zone),
            doc.duration(not_excluded.exclusion.interval.length),
            words(_reason(not_excluded.exclusion)),
            words("; ".join(not_excluded.reasons)),
            words(_author(not_excluded.exclusion, zone)),
        )
        for not_excluded in ledger.not_excluded_maintenance(report.product, report.window.measured)
    )
    if rows:
        columns = ("From", "To", "Duration", "Maintenance", "Not excluded because", "Source")
        note = "Maintenance that does not meet the agreement's terms stays in the contractual figures."
        yield Section("maintenance-not-excluded", "Maintenance not excluded", (note,), Table(columns, rows))


def _reason(exclusion: Exclusion) -> str:
    return ": ".join(filter(None, (exclusion.label, exclusion.reason)))


def _author(exclusion: Exclusion, zone: ZoneInfo) -> str:
    return f"{exclusion.author}, {doc.at(exclusion.made, zone).text}" if exclusion.made else exclusion.author


def _steps(report: Report, zone: ZoneInfo) -> Section:
    def row(step: Step) -> tuple[Cell, ...]:
        m = step.figures.raw
        low, point, high = map(doc.ratio, m.availability)
        downtime, excluded = doc.duration(m.downtime.point), doc.duration(step.figures.excluded)
        return (words(period_name(step.window, zone)), point, low, high, doc.ratio(m.coverage, 2), downtime, excluded)

    period = "Month" if report.by_month else "Day"
    columns = (period, "Raw", "Minimum", "Maximum", "Coverage", "Downtime", "Excluded")
    table = Table(columns, tuple(map(row, report.steps)))
    return Section("steps", f"By {period.lower()}", ("The values of the chart.",), table)
