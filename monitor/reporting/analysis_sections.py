"""Sections of a report about one product: downtime split by dependencies, and statistical confidence."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from typing import TYPE_CHECKING

from monitor.reporting import document as doc
from monitor.reporting.document import Cell, Section, Table, words
from monitor.views.product_summary import ASSUMPTION
from sla.objective import apportion, format_percent

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from sla.measured import Measured
    from sla.report import Report


def downtime_split_section(report: Report, names: Mapping[str, str]) -> Iterator[Section]:
    """Yield the section "Downtime split by dependencies", if the product has any. `names` are display names by id."""
    split = report.downtime_split
    if not split.dependency_durations:
        return
    causes = [("The product itself (all dependencies were up)", split.alone)]
    causes += [(f"{_joined_names(shared, names)} down too", us) for shared, us in split.shared.items()]
    if split.unclear:
        causes.append(("Unclear: no data for a dependency", split.unclear))
    shares = [*_shares([us for _, us in causes]), *_shares([split.downtime])]
    causes.append(("Total", split.downtime))
    rows = [(words(name), doc.duration(us), share) for (name, us), share in zip(causes, shares, strict=True)]
    low, point, high = split.together
    together = f"{format_percent(point)} ({format_percent(low)} to {format_percent(high)})"
    notes = (
        "Raw downtime by the dependencies that were down at the same time. "
        "Simultaneous downtime does not prove a cause.",
        f"Product and all dependencies up: {together} of known time; "
        f"{format_percent(split.independent)} if their failures were independent.",
    )
    table = Table(("Dependencies", "Downtime", "Share"), tuple(rows))
    yield Section("blame", "Downtime split by dependencies", notes, table)


def _shares(parts: Sequence[int]) -> list[Cell]:
    """Return the share of each part in their sum. The cells' values are exact; their texts add up to 100 %."""
    total = sum(parts)
    if not total:
        return [doc.ratio(None)] * len(parts)
    texts = (format_percent(share, 1) for share in apportion(parts, 1))
    return [replace(doc.ratio(Fraction(us, total)), text=text) for us, text in zip(parts, texts, strict=True)]


def _joined_names(ids: tuple[str, ...], names: Mapping[str, str]) -> str:
    return " and ".join(names.get(name, name) for name in ids)


def confidence_section(report: Report) -> Section:
    """Return the section "Statistical confidence"."""
    figure_pair = (report.figures.contractual, report.figures.raw)
    lines: tuple[tuple[str, Callable[[Measured], Cell]], ...] = (
        ("Nines observed", lambda m: doc.nines_of(m.availability.point, m.nines)),
        ("Availability, 95 % lower confidence bound", _bound),
        ("Nines of the confidence bound", _nines_of_bound),
        ("Observations, good", lambda m: doc.count(m.counts.good)),
        ("Observations, bad", lambda m: doc.count(m.counts.bad)),
        ("Observations, unknown", lambda m: doc.count(m.counts.unknown)),
        ("Probe interval short enough to measure the budget", lambda m: words("yes" if m.resolvable else "no")),
    )
    rows = tuple((words(name), *(figure(m) for m in figure_pair)) for name, figure in lines)
    notes = [
        "The 95 % lower confidence bound of the availability is computed exactly (Clopper-Pearson), assuming "
        "independent observations. Consecutive probes are not fully independent.",
        ASSUMPTION,
    ]
    table = Table(("Figure", "Contractual", "Raw"), rows)
    return Section("proof", "Statistical confidence", tuple(notes), table)


def _bound(m: Measured) -> Cell:
    return doc.ratio(None if m.confidence_bound is None else m.confidence_bound.availability)


def _nines_of_bound(m: Measured) -> Cell:
    bound = m.confidence_bound
    return doc.nines_of(None, None) if bound is None else doc.nines_of(bound.availability, bound.nines)
