"""Statements of suppliers on their status feeds: as the object of the API, and as rows of pages and reports."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from monitor.ledger.supplier_statements import supplier_records
from monitor.views.formatting import moment
from sla.admission import Admitted
from sla.duration import format_duration
from sla.interval import SECOND
from sla.window import format_instant

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from zoneinfo import ZoneInfo

    from monitor.config.model import Product
    from monitor.ledger.ledger import Ledger
    from monitor.ledger.supplier_statements import SupplierRecord
    from monitor.views.formatting import Moment
    from sla.admission import Admission, Outage
    from sla.interval import Interval
    from sla.supplier_statement import Statement

MAX_ROWS: Final = 20
_NOTE: Final = (
    "What the supplier stated on its public status feed, compared with the observed outages. It changes no figure."
)
_WITHOUT_STATEMENT: Final = {
    Admitted.PENDING: "not yet",
    Admitted.NO: "never",
    Admitted.UNKNOWN: "n/a: its status feed was not read",
}


@dataclass(frozen=True, slots=True)
class AdmissionRow:
    """An observed outage and its statement, or a statement about no observed outage, as text.

    `started` is the start of the outage, or of the statement. `delay` is empty without both.
    """

    supplier: str
    started: Moment
    outage: str
    admitted: str
    delay: str
    statement: str
    at: int


@dataclass(frozen=True, slots=True)
class AdmissionTable:
    """The rows of a product and its direct dependencies, newest first, and the sentences about them."""

    rows: Sequence[AdmissionRow]
    notes: Sequence[str]


def admission_table(ledger: Ledger, product: Product, window: Interval, now: int) -> AdmissionTable | None:
    """Return the statements about the window. None if neither the product nor a direct dependency has a status feed."""
    records = supplier_records(ledger, product, window, now)
    if not records:
        return None
    rows = [row for record in records for row in _rows(record, ledger)]
    return AdmissionTable(sorted(rows, key=lambda row: -row.at), [_NOTE, *_unreadable_feeds(records, ledger)])


def _rows(record: SupplierRecord, ledger: Ledger) -> Iterator[AdmissionRow]:
    name, zone = ledger.products[record.product].name, ledger.portfolio.zone
    for admission in record.admissions:
        start = admission.outage.interval.start
        delay, statement = admission.delay, admission.statement
        yield AdmissionRow(
            name,
            moment(start, zone),
            _outage_text(admission.outage),
            _WITHOUT_STATEMENT.get(admission.verdict, "") if statement is None else _admitted(statement, zone),
            "" if delay is None else delay_text(delay),
            "" if statement is None else statement.title,
            start,
        )
    for statement in record.unobserved:
        since = statement.since
        yield AdmissionRow(
            name, moment(since, zone), "none observed", _admitted(statement, zone), "", statement.title, since
        )


def _admitted(statement: Statement, zone: ZoneInfo) -> str:
    return moment(statement.admitted, zone).local


def _outage_text(outage: Outage) -> str:
    return f"{format_duration(outage.interval.length)}{', ongoing' if outage.ongoing else ''}"


def delay_text(delay: int) -> str:
    """Return how late a statement was: `12m later`, `3m earlier`."""
    return f"{format_duration(abs(delay))} {'later' if delay >= 0 else 'earlier'}"


def _unreadable_feeds(records: Iterable[SupplierRecord], ledger: Ledger) -> Iterator[str]:
    """Yield a sentence for each feed that cannot be read at present."""
    for record in records:
        if record.state is None or not record.state.readable:
            name = ledger.products[record.product].name
            yield f"The status feed of {name} {_unreadable(record, ledger.portfolio.zone)}."


def _unreadable(record: SupplierRecord, zone: ZoneInfo) -> str:
    if record.state is None:
        return "was not read yet"
    return f"cannot be read since {moment(record.state.made, zone).local}: {record.state.error}"


def admissions_json(ledger: Ledger, product: Product, window: Interval, now: int) -> list[dict[str, Any]]:
    """Return the objects of the API: one for the product and each direct dependency with a status feed."""
    return [_record(record) for record in supplier_records(ledger, product, window, now)]


def _record(record: SupplierRecord) -> dict[str, Any]:
    state = record.state
    return {
        "product": record.product,
        "feed": {
            "readable": None if state is None else state.readable,
            "since": None if state is None else format_instant(state.made),
            "error": (state.error or None) if state is not None else None,
        },
        "outages": [_admission(admission) for admission in record.admissions],
        "not_observed": [_statement(statement) for statement in record.unobserved],
    }


def _admission(admission: Admission) -> dict[str, Any]:
    outage, delay, statement = admission.outage, admission.delay, admission.statement
    return {
        "start": format_instant(outage.interval.start),
        "end": None if outage.ongoing else format_instant(outage.interval.end),
        "verdict": admission.verdict.value,
        "delay_seconds": None if delay is None else delay / SECOND,
        "statement": None if statement is None else _statement(statement),
    }


def _statement(statement: Statement) -> dict[str, Any]:
    return {
        "key": statement.key,
        "title": statement.title,
        "admitted": format_instant(statement.admitted),
        "since": format_instant(statement.since),
        "until": None if statement.until is None else format_instant(statement.until),
        "first_read": format_instant(statement.made),
    }
