"""The page `/metrics`, rendered in blocks of a few milliseconds.

prometheus-client renders the daemon's own families. For the tens of thousands of samples of 1,000 checks and their
products it takes 373 ms, during which the event loop is blocked. So these are cached as lines, and only changed ones
are rewritten:

- A check's lines are rewritten after a probe, and when its hold is over.
- A product is measured again when one of its checks changed. The others take turns, oldest figures first: per scrape, a
  quarter of those that are not up or were down in the last six hours, but TROUBLED at least; and a 24th of the
  rest, whose figures change only because old time leaves the windows, but QUIET at least. So figures are at most
  about 24 scrapes old. `ninewatch_figures_age_seconds` is the age of the oldest figures.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from itertools import islice
from typing import TYPE_CHECKING

from monitor.exporters import checks, products
from monitor.exporters.checks import CheckLines
from monitor.exporters.confirmed import Confirmed
from monitor.exporters.daemon import Daemon
from monitor.exporters.exposition import Dialect, without_exemplars
from monitor.exporters.families import FIGURES_AGE, SAMPLES_OMITTED
from monitor.exporters.products import ProductLines
from monitor.exporters.silences import SilenceLines
from monitor.ledger.release_gate import gate_answer, overrides_by_product
from sla.alerting import outage
from sla.interval import SECOND, Interval
from sla.outage import required_history

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator, Mapping, Sequence

    from monitor.clock import Clock
    from monitor.config.model import Portfolio
    from monitor.exporters.exposition import Family
    from monitor.health import Health
    from monitor.ledger.ledger import Ledger
    from sla.gate_override import GateOverride
    from sla.incident import Incident

SLICE = 0.003  # seconds of work between two blocks; one step (a product, a join) takes less than that
TROUBLED = 8  # products with recent downtime that are measured per scrape, oldest figures first; a quarter if more
QUIET = 8  # the same without recent downtime; a 24th if more
MOST_INCIDENTS = 1_000  # samples with the text of a failing probe, which differ with each incident
_JOIN = 256  # texts joined into one block


class _Counters:
    """Counters derived from the record, of all checks and products that were rendered since startup.

    They survive a reload: a check or product that returns continues from its value.
    """

    def __init__(self, health: Health) -> None:
        self.health = health
        self.observations: dict[str, Confirmed[str]] = defaultdict(Confirmed)
        self.downtime: dict[str, Confirmed[int]] = defaultdict(Confirmed)
        self.incidents = Confirmed[Counter[str]]()


class _View:
    """Lines of one loaded portfolio. A rendering in progress keeps its view."""

    def __init__(self, counters: _Counters, portfolio: Portfolio | None = None) -> None:
        self.portfolio, self._counters = portfolio, counters
        self.checks: list[CheckLines] = []
        self.products: list[ProductLines] = []
        self.members: dict[str, list[CheckLines]] = defaultdict(list)
        self.incidents: list[Incident] | None = None
        self.omitted = 0  # open incidents beyond MOST_INCIDENTS
        self._total = Counter[str]()
        self._newest: dict[str, Incident] = {}

    def fill(self, ledger: Ledger, slices: _TimeSlices) -> Iterator[bytes]:
        """Prepare the lines of the ledger's checks and products, pausing now and then."""
        for entry in tuple(ledger.entries.values()):
            lines = CheckLines(entry, self._counters.health, self._counters.observations[entry.key])
            self.checks.append(lines)
            self.members[entry.product.id].append(lines)
            yield from slices.pause()
        for product, history in [(ledger.products[name], history) for name, history in ledger.compositions.items()]:
            downtime = self._counters.downtime[product.id]
            needed = {name: ledger.compositions[name] for name in product.depends_on}
            self.products.append(ProductLines(product, history, self._counters.health, downtime, needed))
            yield from slices.pause()

    def due(self) -> Iterator[ProductLines]:
        """Yield the products to measure again: changed ones, and the oldest of the rest."""
        troubled: list[ProductLines] = []
        quiet: list[ProductLines] = []
        for lines in self.products:
            if lines.measured_at is None or not all(c.steady for c in self.members[lines.product.id]):
                yield lines
            else:
                (troubled if lines.troubled else quiet).append(lines)
        yield from islice(sorted(troubled, key=_measured_at), max(TROUBLED, len(troubled) // 4))
        yield from islice(sorted(quiet, key=_measured_at), max(QUIET, len(quiet) // 24))

    def count(self, ledger: Ledger, slices: _TimeSlices) -> Iterator[bytes]:
        """Update each product's incident count and outage, if incidents changed.

        The total includes incidents of checks that were removed: a counter must not fall.
        """
        incidents, confirmed = ledger.incidents, self._counters.incidents
        news, before = incidents is not self.incidents, confirmed.value
        if news:
            self._total = Counter(incident.product for incident in ledger.all_incidents())
            yield from self._judge_all(incidents, slices)
            self.incidents = incidents
        published = confirmed.offer(self._total, self._counters.health)
        if news or published is not before:
            for lines in self.products:
                product = lines.product.id
                lines.count(None if published is None else published[product], self._newest.get(product))

    def _judge_all(self, incidents: Sequence[Incident], slices: _TimeSlices) -> Iterator[bytes]:
        still_open: dict[str, list[Incident]] = defaultdict(list)
        self._newest = {}
        for incident in incidents:
            self._newest.setdefault(incident.product, incident)
            if incident.resolved is None:
                still_open[incident.product].append(incident)
        left = MOST_INCIDENTS
        for lines in self.products:
            found = still_open[lines.product.id]
            lines.incidents(found, left)
            left -= min(left, len(found))
            self.judge(lines)
            yield from slices.pause()
        self.omitted = max(0, sum(map(len, still_open.values())) - MOST_INCIDENTS)

    def judge(self, lines: ProductLines) -> None:
        """Set whether the product is in an outage, by the open incidents of its checks."""
        lines.outage(outage(lines.product.rule, [each.standing for each in self.members[lines.product.id]]))


class Exporter:
    """Renders a ledger for Prometheus. Belongs to the event loop's thread; renderings may overlap."""

    def __init__(self, ledger: Ledger, health: Health, clock: Clock) -> None:
        self._ledger = ledger
        self._clock = clock
        self._daemon = Daemon(health, clock)
        self._counters = _Counters(health)
        self._silences = SilenceLines(ledger)
        self._view = _View(self._counters)

    def render(self, dialect: Dialect) -> Iterator[bytes]:
        """Yield the page in blocks of a few milliseconds each; an empty block is a pause."""
        slices = _TimeSlices(self._clock)
        view = yield from self._current(slices)
        now = self._clock.now()
        for check in view.checks:
            check.refresh(now)
            yield from slices.pause()
        yield from view.count(self._ledger, slices)
        overrides = overrides_by_product(self._ledger, now)
        for product in view.due():
            for _ in product.measure(now):
                yield from slices.pause()
            self._agree(product, now)
            self._decide_gate(product, now, overrides)
            view.judge(product)
            yield from slices.pause()
        for product in view.products:
            if product.override is not overrides.get(product.product.id):
                self._decide_gate(product, now, overrides)
                yield from slices.pause()
        yield from _columns(checks.FAMILIES, view.checks, dialect)
        yield from _columns(products.FAMILIES, view.products, dialect)
        yield self._of_the_page(view, now, dialect).encode()
        yield self._daemon.page(dialect)

    def _current(self, slices: _TimeSlices) -> Generator[bytes, None, _View]:
        """Return the view of the running portfolio, rebuilt after a reload."""
        if self._view.portfolio is not self._ledger.portfolio:
            view = _View(self._counters, self._ledger.portfolio)
            yield from view.fill(self._ledger, slices)
            self._view = view
        return self._view

    def _agree(self, lines: ProductLines, now: int) -> None:
        """Set the contractual figures, unless a reload has removed the product meanwhile."""
        product = lines.product
        if product.id in self._ledger.products:
            window = Interval(now - product.window, now)
            lines.agree(self._ledger.after_exclusions(product.id, window).durations(window))
            if lines.limits:
                cut = self._ledger.exclusions(product.id, required_history(lines.limits, window))
                lines.set_outages([each.interval for each in cut], window)

    def _decide_gate(self, lines: ProductLines, now: int, overrides: Mapping[str, GateOverride]) -> None:
        """Set the answer of the release gate, unless a reload has removed the product meanwhile."""
        if lines.product.id in self._ledger.products:
            override = overrides.get(lines.product.id)
            lines.gate(gate_answer(self._ledger, lines.product, now, override), override)

    def _of_the_page(self, view: _View, now: int, dialect: Dialect) -> str:
        oldest = min((lines.measured_at or now for lines in view.products), default=now)
        age = f"{FIGURES_AGE.head(dialect)}{FIGURES_AGE.name} {max(0, now - oldest) / SECOND!r}\n"
        omitted = f"{SAMPLES_OMITTED.head(dialect)}{SAMPLES_OMITTED.name} {view.omitted}\n"
        return age + omitted + self._silences.text(now, dialect)


def _measured_at(lines: ProductLines) -> int:
    return lines.measured_at or 0


def _columns(
    families: Sequence[Family], rows: Sequence[CheckLines] | Sequence[ProductLines], dialect: Dialect
) -> Iterator[bytes]:
    """Yield each family with all its samples, as the formats require. A family without samples is omitted."""
    for index, family in enumerate(families):
        head = family.head(dialect)
        for start in range(0, len(rows), _JOIN):
            block = "".join([row.texts[index] for row in rows[start : start + _JOIN]])
            if family.exemplars and dialect is Dialect.TEXT:
                block = without_exemplars(block)
            if block:
                yield (head + block).encode()
                head = ""


class _TimeSlices:
    """Measures the slices of a rendering."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._since = clock.monotonic()

    def pause(self) -> Iterator[bytes]:
        """Yield one empty block if the slice is over, else nothing."""
        if self._clock.monotonic() - self._since >= SLICE:
            yield b""
            self._since = self._clock.monotonic()
