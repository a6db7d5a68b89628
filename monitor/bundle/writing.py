"""Create the bundle of a report: select the data from which its figures are computed, and write the archive."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, replace
from itertools import chain
from typing import TYPE_CHECKING, Any, Final

from monitor import zones
from monitor.as_of import figure_dependencies, recorded_at
from monitor.bundle.archive import pack
from monitor.bundle.chain_files import chain_files, part_of
from monitor.bundle.contents import Contents
from monitor.bundle.figures import drill_lines, figure_lines
from monitor.bundle.manifest import digest, json_lines, with_manifest
from monitor.bundle.terms import product_terms
from monitor.config.dependent_clients import dependent_clients
from monitor.config.holidays import holidays
from monitor.facts.journal import Journal
from monitor.package_files import version
from monitor.storage.reader import reading
from sla.chain_check import FACT
from sla.fact import CORRECTION, MAINTENANCE, REVOCATION
from sla.interval import DAY, Interval
from sla.localtime import local
from sla.outage import required_history
from sla.report import MIN_MONTHS, TREND_PERIODS
from sla.window import format_instant

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from monitor.as_of import RecordContent
    from monitor.bundle.contents import Holiday
    from monitor.config.model import Portfolio, Product
    from monitor.ledger.ledger import Ledger
    from monitor.reporting.report import PortfolioReport
    from sla.chain_check import Chain
    from sla.exclusion import Exclusion
    from sla.fact import Fact
    from sla.incident import Incident

_NAME_IN_PLAN: Final = re.compile(r"[A-Za-z][A-Za-z0-9_+-]*(?:/[A-Za-z0-9_+-]+)*")
_MONTH: Final = 32 * DAY  # longer than any month


@dataclass(frozen=True, slots=True)
class Source:
    """The data for a bundle: the content of a record as of an instant, its chain, and all its facts."""

    recorded: RecordContent
    chain: Chain
    facts: Sequence[Fact]

    @classmethod
    def read(cls, portfolio: Portfolio, at: int) -> Source:
        """Return the source from one consistent read of the portfolio's record.

        Raises:
            StoreError: the record does not exist or cannot be read.
            NinewatchError: the journal cannot be read.
        """
        with reading(portfolio.store) as open_record:
            recorded = recorded_at(open_record, Journal.of(portfolio.store), at, portfolio).in_lists()
            incidents = [_without_last_failure(incident) for incident in recorded.incidents]
            return cls(
                replace(recorded, incidents=incidents), open_record.load_chain(), open_record.load_unchecked_facts()
            )


def bundle_of(
    portfolio_report: PortfolioReport, source: Source, report: Mapping[str, Any], drills: Sequence[str] = ()
) -> bytes:
    """Return the bundle of a report as an archive.

    `source` is that of the report's ledger. `report` describes the report's file. The results of `drills` are included
    as figures.
    """
    names = _included_products(portfolio_report.ledger, [report.product for report in portfolio_report.reports])
    contents = contents_of(portfolio_report, source.recorded, names)
    chain_part = part_of(
        source.chain,
        portfolio_report.at,
        _recorded_ids(portfolio_report.ledger, names, contents),
        source.facts,
        source.recorded.incidents,
    )
    proved = {name for covered in chain_part.covered.values() for kind, name in covered.items if kind == FACT}
    later = [fact for fact in source.facts if fact.made > portfolio_report.at and fact.id in proved]
    contents = replace(contents, recorded=replace(contents.recorded, facts=[*contents.recorded.facts, *later]))
    figures = chain(figure_lines(portfolio_report), drill_lines(portfolio_report.ledger, drills, portfolio_report.at))
    files = contents.files() | chain_files(chain_part) | {"figures.jsonl": json_lines(figures)}
    description = _description(portfolio_report, report) | ({"drills": list(drills)} if drills else {})
    return pack(with_manifest(description, files))


def _recorded_ids(ledger: Ledger, names: set[str], contents: Contents) -> set[str]:
    """Return the products' ids in the record, and the empty id of facts without a product."""
    former_ids = {old for old, new in ledger.former_ids.products.items() if new in names}
    return {"", *names, *former_ids, *(run.check.partition("/")[0] for run in contents.recorded.runs)}


def report_entry(name: str, format_name: str, content: bytes) -> dict[str, Any]:
    """Return the manifest's entry of the report's file."""
    return {"file": name, "format": format_name, "bytes": len(content), "sha256": digest(content)}


def _description(portfolio_report: PortfolioReport, report: Mapping[str, Any]) -> dict[str, Any]:
    window = portfolio_report.window
    return {
        "ninewatch": version(),
        "at": format_instant(portfolio_report.at),
        "arrived": format_instant(portfolio_report.arrived),
        "window": {
            "name": window.name,
            "start": format_instant(window.measured.start),
            "end": format_instant(window.measured.end),
            "whole_start": format_instant(window.full.start),
            "whole_end": format_instant(window.full.end),
        },
        "time_zone": portfolio_report.ledger.portfolio.time_zone,
        "time_zone_database": zones.as_json(),
        "products": [report.product for report in portfolio_report.reports],
        "report": dict(report),
    }


def contents_of(portfolio_report: PortfolioReport, recorded: RecordContent, names: set[str]) -> Contents:
    """Return the data from which the report's figures are computed, limited to these products."""
    ledger, zone = portfolio_report.ledger, portfolio_report.ledger.portfolio.time_zone
    products = [product for product in ledger.portfolio.products if product.id in names]
    agreements = list(_agreements(ledger, products, zone))
    span = _history_span(portfolio_report)
    return Contents(
        zone,
        [product_terms(product, zone) for product in products],
        _recorded_part(ledger, recorded, names),
        list(_planned_exclusions(ledger, products, span)),
        {name: zones.zone_file(name) for name in {zone, *_zones(agreements), *_zones_of_plans(recorded.facts)}},
        list(_holidays(agreements, span, ledger)),
    )


def _included_products(ledger: Ledger, names: Sequence[str]) -> set[str]:
    """Return the reported products, their current and former dependencies, and the products that their clients use.

    The result may contain products that were removed from the configuration.
    """
    clients = [client for name in names for client in dependent_clients(ledger.portfolio, name)]
    used = [product for client in clients for product in client.path]
    return {dependency for name in (*names, *used) for dependency in figure_dependencies(ledger, name)}


def _agreements(ledger: Ledger, products: Iterable[Product], zone: str) -> Iterator[dict[str, Any]]:
    """Yield the current and former agreements of the products as plain data."""
    for product in products:
        yield product_terms(product, zone)["agreement"]
        yield from (json.loads(definition.agreement) for definition in ledger.definitions(product.id))


def _recorded_part(ledger: Ledger, recorded: RecordContent, products: set[str]) -> RecordContent:
    defined = {
        member.check for name in products for definition in ledger.definitions(name) for member in definition.members
    }

    def is_included(key: str) -> bool:
        present = ledger.former_ids.check(key)
        owners = {present.partition("/")[0], ledger.former_ids.product(key.partition("/")[0])}
        return present in defined or not owners.isdisjoint(products)

    return replace(
        recorded,
        runs=[run for run in recorded.runs if is_included(run.check)],
        tail=[observation for observation in recorded.tail if is_included(observation.check)],
        incidents=[incident for incident in recorded.incidents if is_included(incident.check)],
        facts=list(_facts(ledger, recorded.facts, products)),
        latency_days=[day for day in ledger.latencies.all_days() if is_included(day.check)],
        latencies=(),  # included in the days
    )


def _without_last_failure(incident: Incident) -> Incident:
    """Return an open incident without its last failure, so that later probes do not change the bundle."""
    return incident if incident.resolved is not None else replace(incident, last=None)


def _facts(ledger: Ledger, facts: Sequence[Fact], products: set[str]) -> Iterator[Fact]:
    """Yield the facts that concern the products. A revocation concerns the product of its correction."""
    corrections: set[str] = set()
    others = {fact.id for fact in facts if fact.kind == CORRECTION}
    for fact in sorted(facts, key=lambda fact: fact.kind == REVOCATION):
        if fact.kind == REVOCATION:
            revoked = fact.content().get("revokes")
            concerns = revoked in corrections or revoked not in others
        else:
            concerns = not fact.product or ledger.former_ids.product(fact.product) in products
        if concerns:
            corrections |= {fact.id} if fact.kind == CORRECTION else set()
            yield fact


def _zones(agreements: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    yield from (agreement["zone"] for agreement in agreements if "zone" in agreement)


def _zones_of_plans(facts: Iterable[Fact]) -> Iterator[str]:
    """Yield the time zones in planned maintenance and its calendars. Unknown names are ignored."""
    zone_names: set[str] = set()
    for fact in facts:
        if fact.kind == MAINTENANCE:
            zone_names = zone_names or zones.names()
            names_in_plan = set(_NAME_IN_PLAN.findall(fact.body))
            yield from sorted(names_in_plan & zone_names)


def _history_span(portfolio_report: PortfolioReport) -> Interval:
    """Return an interval that contains all windows of the report, including earlier months and windows."""
    window = portfolio_report.window.full
    before = max((TREND_PERIODS + 1) * (window.length + 2 * DAY), (MIN_MONTHS + 1) * _MONTH)
    span = Interval(window.start - before, window.end + _MONTH)
    limits = [
        limit
        for report in portfolio_report.reports
        for limit in portfolio_report.ledger.products[report.product].agreement.limits()
    ]
    return Interval(required_history(limits, Interval(span.start, span.start)).start, span.end)


def _planned_exclusions(ledger: Ledger, products: Iterable[Product], span: Interval) -> Iterator[tuple[str, Exclusion]]:
    """Yield the maintenance in the configuration, for records without recorded plans (`facts.jsonl`)."""
    portfolio = ledger.portfolio
    for name, blocks in (("", portfolio.maintenance), *((product.id, product.maintenance) for product in products)):
        for block in blocks if not ledger.facts.maintenance(name) else ():
            yield from ((name, exclusion) for exclusion in block.exclusions(span, portfolio.time_zone))


def _holidays(agreements: Iterable[Mapping[str, Any]], span: Interval, ledger: Ledger) -> Iterator[Holiday]:
    zone = ledger.portfolio.zone
    years = range(local(span.start, zone).year - 1, local(span.end, zone).year + 2)
    for source in sorted({agreement["holidays"] for agreement in agreements if "holidays" in agreement}):
        for year in years:
            yield from ((source, year, day, name) for day, name in holidays(source, year))


def default_name(product: str) -> str:
    """Return the name of a bundle if neither the bundle nor the report has a name."""
    return f"{product}.bundle.zip"
