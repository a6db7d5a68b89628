"""The executive summary of a window: one sentence per product, and what can be promised, without technical terms."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from monitor.language import ENGLISH, translatable
from monitor.ledger.product_readiness import readiness_of
from monitor.reporting.period_names import period_in
from monitor.views.formatting import own_window
from monitor.views.readiness import FIGURE_NAMES, promise_of
from sla.availability import Verdict
from sla.calendar import Period
from sla.interval import DAY

if TYPE_CHECKING:
    from collections.abc import Sequence

    from monitor.config.model import Product
    from monitor.language import Language
    from monitor.ledger.ledger import Ledger
    from monitor.views.time_slice import TimeSlices
    from sla.budget_window import BudgetWindow
    from sla.calendar import Window
    from sla.measured import Measured


@dataclass(frozen=True, slots=True)
class SummaryLine:
    """The summary of a product: whether its promise was kept, what can be promised, and the contractual figures.

    `verdict` is None if all time is excluded.
    """

    id: str
    name: str
    sentence: str
    promise: str
    measured: Measured
    verdict: Verdict | None

    @property
    def verdict_text(self) -> str:
        """The verdict in English."""
        return _VERDICTS[self.verdict]


@dataclass(frozen=True, slots=True)
class ExecutiveSummary:
    """The summary of a window: a sentence about all products, and a line per product, broken promises first."""

    period: str
    headline: str
    lines: Sequence[SummaryLine]


_VERDICTS = {
    Verdict.MET: translatable("met"),
    Verdict.MISSED: translatable("missed"),
    Verdict.UNDECIDED: translatable("undecided"),
    None: translatable("no figure"),
}
_ORDER = {Verdict.MISSED: 0, Verdict.UNDECIDED: 1, None: 2, Verdict.MET: 3}


async def executive_summary(
    ledger: Ledger,
    products: Sequence[Product],
    window: Window,
    now: int,
    slices: TimeSlices,
    language: Language = ENGLISH,
) -> ExecutiveSummary:
    """Return the summary of the products over the window. Promises are limited by the products' own windows."""
    zone, lines = ledger.portfolio.zone, []
    period = period_in(window, zone, language)
    measured_period = language.gettext("{period} so far").format(period=period) if window.in_progress else period
    for product in products:
        measured = ledger.contractual(product.id, window)
        await slices.yield_if_spent()
        sentence, verdict = summary_sentence(product.name, measured, measured_period, language), _verdict(measured)
        promise = _promise(ledger, product, now, language)
        lines.append(SummaryLine(product.id, product.name, sentence, promise, measured, verdict))
        await slices.yield_if_spent()
    lines.sort(key=lambda line: _ORDER[line.verdict])
    verdicts = [line.verdict for line in lines]
    return ExecutiveSummary(period, headline(verdicts, in_progress=window.in_progress, language=language), lines)


def headline(verdicts: Sequence[Verdict | None], *, in_progress: bool = False, language: Language = ENGLISH) -> str:
    """Return how many services kept their promise, as one sentence.

    >>> headline([Verdict.MET, Verdict.MISSED, Verdict.MET])
    'Of 3 services, 2 kept their promise and 1 did not.'
    """
    kept, total = verdicts.count(Verdict.MET), len(verdicts)
    so_far = language.gettext(" so far") if in_progress else ""
    if not verdicts:
        return language.gettext("No product is configured.")
    if total == kept:
        text = language.ngettext(
            "The promise was kept{so_far}.", "All {count} services kept their promise{so_far}.", kept
        )
        return text.format(count=kept, so_far=so_far)
    parts = _counts(verdicts, kept, so_far, language, in_progress=in_progress)
    listed = language.gettext(" and ").join(filter(None, (", ".join(parts[:-1]), parts[-1])))
    text = language.ngettext("Of {total} service, {parts}.", "Of {total} services, {parts}.", total)
    return text.format(total=total, parts=listed)


def _counts(
    verdicts: Sequence[Verdict | None], kept: int, so_far: str, language: Language, *, in_progress: bool
) -> list[str]:
    """Return how many promises were kept, were broken and cannot be decided, as parts of a sentence."""
    text = language.ngettext("{count} kept its promise{so_far}", "{count} kept their promise{so_far}", kept)
    none = language.gettext("none kept its promise{so_far} with certainty").format(so_far=so_far)
    parts = [text.format(count=kept, so_far=so_far) if kept else none]
    if broken := verdicts.count(Verdict.MISSED):
        parts.append(language.ngettext("{count} did not", "{count} did not", broken).format(count=broken))
    if undecided := len(verdicts) - kept - broken:
        now = language.ngettext("{count} cannot be decided yet", "{count} cannot be decided yet", undecided)
        past = language.ngettext("{count} cannot be decided", "{count} cannot be decided", undecided)
        parts.append((now if in_progress else past).format(count=undecided))
    return parts


def summary_sentence(name: str, measured: Measured, period: str, language: Language = ENGLISH) -> str:
    """Return whether the promise of a service was kept, as one sentence. `measured` are its contractual figures.

    The downtime of a broken promise is its minimum, which is certain.
    """
    low, point, _ = measured.availability
    promised, percent = language.objective(measured.objective), language.percent
    if low is None:
        text = language.gettext("{name} has no figure for {period}: the agreement excludes all of this time.")
        return text.format(name=name, period=period)
    if not measured.durations.known and point is None:
        text = language.gettext("Nothing is known about {name} in {period}: it was not observed.")
        return text.format(name=name, period=period)
    if measured.verdict is Verdict.MET:
        text = language.gettext("{name} kept its promise: it worked at least {low} of {period} (promised {objective}).")
        return text.format(name=name, low=percent(low), period=period, objective=promised)
    if measured.verdict is Verdict.MISSED:
        return _broken(name, measured, period, language)
    return _uncertain(name, measured, period, language)


def _broken(name: str, measured: Measured, period: str, language: Language) -> str:
    limit = ""
    if measured.budget is not None and measured.budget.allowed is not None:
        allowed = language.duration(measured.budget.allowed)
        limit = language.gettext("; {duration} was allowed").format(duration=allowed)
    text = language.gettext(
        "{name} did not keep its promise: it was down for at least {downtime} in {period}"
        " (promised {objective}{limit})."
    )
    downtime, promised = language.duration(measured.downtime.low), language.objective(measured.objective)
    return text.format(name=name, downtime=downtime, period=period, objective=promised, limit=limit)


def _uncertain(name: str, measured: Measured, period: str, language: Language) -> str:
    (low, point, high), unknown = measured.availability, measured.durations.unknown
    estimate = "" if point is None else language.gettext(", most likely {percent}")
    reason = language.gettext("; {duration} was not observed") if unknown else ""
    text = language.gettext(
        "It is not certain whether {name} kept its promise: it worked between {low} and {high} of {period}{estimate}"
        " (promised {objective}{reason})."
    )
    return text.format(
        name=name,
        low=language.percent(low),
        high=language.percent(high),
        period=period,
        estimate=estimate.format(percent=language.percent(point)),
        objective=language.objective(measured.objective),
        reason=reason.format(duration=language.duration(unknown)),
    )


def _verdict(measured: Measured) -> Verdict | None:
    return None if measured.availability.low is None else measured.verdict


def _promise(ledger: Ledger, product: Product, now: int, language: Language) -> str:
    """Return what can be promised by the figures of the product's own window, as one sentence."""
    raw = ledger.measured(product.id, ledger.own_window(product.id, now), now)
    figures = promise_of(product, raw, readiness_of(ledger, product.id, now))
    if figures.supported is None:
        return language.gettext("No promise is supported yet: too little is measured.")
    names = language.gettext(" and ").join(language.gettext(FIGURE_NAMES[name]) for name in figures.limited_by)
    limited = language.gettext(", limited by {names}").format(names=names) if names else ""
    text = language.gettext("Can be promised: at most {percent} over {window}{limited}.")
    return text.format(
        percent=language.percent(figures.supported), window=_window_text(product.window, language), limited=limited
    )


def _window_text(window: BudgetWindow, language: Language) -> str:
    """Return the present window of an objective in words."""
    if window.period is not None:
        return language.gettext(_PERIODS[window.period])
    if language is not ENGLISH and window.length % DAY == 0:
        days = window.length // DAY
        return language.ngettext("the last {days} day", "the last {days} days", days).format(days=days)
    if language is not ENGLISH:
        return language.gettext("the last {duration}").format(duration=language.duration(window.length))
    return own_window(window)


_PERIODS = {
    Period.DAY: translatable("this day"),
    Period.WEEK: translatable("this week"),
    Period.MONTH: translatable("this month"),
    Period.QUARTER: translatable("this quarter"),
    Period.YEAR: translatable("this year"),
    Period.FISCAL_YEAR: translatable("this fiscal year"),
}
