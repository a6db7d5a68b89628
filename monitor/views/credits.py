"""The service credits of a product by month, and the text of a claim for one month."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from monitor.config.credits import credit_terms_of
from monitor.views.formatting import Moment, moment, shorten
from sla.calendar import Period, Window, calendar_window, previous_window
from sla.duration import format_bounds, format_duration
from sla.exclusion import audit, totals
from sla.localtime import local
from sla.objective import format_percent
from sla.service_credit import ROUNDING, MonthlyCredit, format_amount, monthly_credit
from sla.window import format_instant

if TYPE_CHECKING:
    from collections.abc import Iterator
    from fractions import Fraction
    from zoneinfo import ZoneInfo

    from monitor.config.model import Product
    from monitor.ledger.ledger import Ledger
    from monitor.views.time_slice import TimeSlices
    from sla.incident import IncidentPart
    from sla.service_credit import Credit, CreditTerms

MONTHS = 6  # on the page: the month in progress and those before it
NOTE = (
    "The credit at the maximum availability is certain: it counts unknown time and doubt as up. Only this credit is "
    f"claimable, after the end of the month. Availabilities are contractual; {ROUNDING}."
)


def credit_terms(ledger: Ledger, product: Product, end: int) -> CreditTerms | None:
    """Return the terms in force at the end of a month: of the recorded definition, or configured without one."""
    stated = [definition for definition in ledger.definitions(product.id) if definition.made < end]
    if not stated:
        block = product.agreement.credits
        return None if block is None else block.terms
    return credit_terms_of(json.loads(stated[-1].agreement))


def month_id(window: Window, zone: ZoneInfo) -> str:
    """Return the month as `2026-10`."""
    return f"{local(window.full.start, zone):%Y-%m}"


def months_until(at: int, count: int, zone: ZoneInfo) -> list[Window]:
    """Return the calendar months that end with the one in progress at the instant, newest first."""
    months = [calendar_window(Period.MONTH, at, zone)]
    while len(months) < count:
        months.append(previous_window(Period.MONTH, months[-1].full.start, zone))
    return months


def credit_of(ledger: Ledger, product: Product, window: Window, terms: CreditTerms, now: int) -> MonthlyCredit:
    """Return the credit of a month. It needs no list of exclusions, which takes much longer than their cached sums."""
    end = window.measured.end
    _, provisional = ledger.provisional(product.id, end, now, end)
    measured = replace(ledger.contractual(product.id, window), provisional=provisional)
    return monthly_credit(terms, window, measured, ledger.portfolio.zone)


async def product_credits(
    ledger: Ledger, product: Product, now: int, slices: TimeSlices, count: int = MONTHS
) -> list[MonthlyCredit]:
    """Return the credits of the last months of the record, newest first. Empty for months without terms.

    The oldest month is computed first, because cached sums of exclusions are extended to later time only.
    """
    listed, first = [], ledger.compositions[product.id].first
    for window in reversed(months_until(now, count, ledger.portfolio.zone)):
        terms = credit_terms(ledger, product, min(window.full.end, now))
        if terms is not None and first is not None and first < window.measured.end:
            listed.append(credit_of(ledger, product, window, terms, now))
        await slices.yield_if_spent()
    return listed[::-1]


@dataclass(frozen=True, slots=True)
class CreditLine:
    """The credit of one month as text. `claim` is the month's id if a credit is claimable, else empty.

    `expired`: whether the deadline has passed.
    """

    month: str
    availabilities: tuple[str, str, str]
    amounts: tuple[str, str, str]
    note: str
    claim: str
    deadline: Moment | None
    expired: bool


def credit_lines(monthly: list[MonthlyCredit], zone: ZoneInfo, now: int) -> list[CreditLine]:
    """Return the credits as lines of the product's page."""
    return [_line(credit, zone, now) for credit in monthly]


def _line(credit: MonthlyCredit, zone: ZoneInfo, now: int) -> CreditLine:
    name = month_id(credit.window, zone)
    low, point, high = (format_percent(share) for share in credit.measured.availability)
    amounts = _amounts(credit)
    deadline = None if credit.deadline is None else moment(credit.deadline, zone)
    expired = credit.deadline is not None and now >= credit.deadline
    claim = name if credit.claimable is not None else ""
    return CreditLine(name, (low, point, high), amounts, _state(credit), claim, deadline, expired)


def _amounts(credit: MonthlyCredit) -> tuple[str, str, str]:
    low, point, high = (_amount_text(one, credit.terms.currency) for one in credit.credits)
    return low, point, high


def _amount_text(credit: Credit | None, currency: str) -> str:
    return "n/a" if credit is None else format_amount(credit.rounded, currency)


def _state(credit: MonthlyCredit) -> str:
    """Return why a credit is claimable, or why it is not."""
    if credit.window.in_progress:
        return "in progress"
    if credit.measured.provisional:
        return "observations may still arrive"
    if credit.claimable is not None:
        return "claimable"
    uncertain = credit.credits.low
    return "not certain" if uncertain is not None and uncertain.share else "no credit"


async def claim_text(
    ledger: Ledger, product: Product, credit: MonthlyCredit, claimable: Credit, now: int, slices: TimeSlices
) -> str:
    """Return the claim for a month as a Markdown document: the claim, the figures, the facts and the terms.

    `claimable` is the part of the month's credit that is certain.
    """
    zone = ledger.portfolio.zone
    amount = format_amount(claimable.rounded, credit.terms.currency)
    deadline = "The agreement states no deadline."
    if credit.deadline is not None:
        verb = "Claim before" if now < credit.deadline else "The deadline has passed:"
        deadline = f"{verb} {moment(credit.deadline, zone).local} ({format_instant(credit.deadline)})."
    await slices.yield_if_spent()
    excluded = list(_excluded_lines(ledger, product, credit.window))
    await slices.yield_if_spent()
    parts = await _incident_parts(ledger, product, credit.window, now, slices)
    lines = [
        f"# Claim for a service credit: {_markdown(product.name)}, {month_id(credit.window, zone)}",
        "",
        f"Claimed: **{amount}**, {_exact_percent(claimable.share)} of the fee of the month. {deadline}",
        "",
        *_claim_figures(credit),
        "",
        *_claim_terms(credit),
        "",
        "## Facts",
        "",
        *excluded,
        *(_incident_line(part, zone) for part in parts),
        *([] if parts else ["- No incident was recorded."]),
        "",
        f"Made {format_instant(now)} by ninewatch from its own observations. Month: "
        f"{format_instant(credit.window.full.start)} to {format_instant(credit.window.full.end)}.",
    ]
    return "\n".join(lines) + "\n"


def _claim_figures(credit: MonthlyCredit) -> Iterator[str]:
    yield "## Figures"
    yield ""
    yield "| contractual | minimum | estimate | maximum |"
    yield "|---|---|---|---|"
    yield f"| availability | {' | '.join(format_percent(share, 5) for share in credit.measured.availability)} |"
    yield f"| downtime | {' | '.join(format_bounds(*credit.measured.downtime))} |"
    shares = ("n/a" if one is None else _exact_percent(one.share) for one in credit.credits)
    yield f"| credited share | {' | '.join(shares)} |"
    yield f"| credit | {' | '.join(_amounts(credit))} |"
    yield ""
    yield f"{format_percent(credit.measured.coverage, 2)} of the time is known. {NOTE}"


def _claim_terms(credit: MonthlyCredit) -> Iterator[str]:
    terms = credit.terms
    yield "## Terms"
    yield ""
    yield f"- Fee per month: {float(terms.fee):,.2f} {terms.currency}"
    for band in terms.bands:
        yield f"- Below {_exact_percent(band.below)}: {_exact_percent(band.credit)} of the fee"


def _excluded_lines(ledger: Ledger, product: Product, window: Window) -> Iterator[str]:
    exclusions = ledger.exclusions(product.id, window.full)
    for cause, length in totals(audit(window.measured, exclusions)).items():
        yield f"- Excluded, {cause.value}: {format_duration(length)}"


async def _incident_parts(
    ledger: Ledger, product: Product, window: Window, now: int, slices: TimeSlices
) -> list[IncidentPart]:
    """Return the incidents that touch the month, in order of time."""
    parts = []
    for incident in sorted(ledger.incidents_of(product.id, window.full), key=lambda incident: incident.opened):
        part = incident.part(window.full, now, ledger.states_of(incident.check))
        parts += [] if part is None else [part]
        await slices.yield_if_spent()
    return parts


def _incident_line(part: IncidentPart, zone: ZoneInfo) -> str:
    incident, downtime = part.incident, part.downtime_in_window
    end = "not resolved" if incident.resolved is None else moment(incident.resolved, zone).local
    outage = "" if downtime is None else f", down {format_duration(downtime)} in the month"
    source = f"Incident {incident.id}, {_markdown(incident.check)}, {_markdown(incident.reason)}"
    return f"- {source}: {moment(incident.opened, zone).local} to {end}{outage}"


def _exact_percent(share: Fraction) -> str:
    """Return a share of the terms with all its digits, at least two decimals and at most 15."""
    digits = next((digits for digits in range(2, 15) if (share * 10 ** (digits + 2)).denominator == 1), 15)
    return format_percent(share, digits)


def _markdown(text: str) -> str:
    """Return a text from outside on one line, without characters that Markdown interprets."""
    return "".join(f"\\{c}" if c in r"\`*_{}[]<>#|!" else c for c in shorten(text, 200))
