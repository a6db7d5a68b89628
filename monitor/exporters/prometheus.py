"""The page `/metrics`, rendered in blocks of a few milliseconds.

prometheus-client renders the families of the daemon. For the samples of 1,000 checks and their products, it would block
the event loop for 373 ms. These samples are therefore cached as lines, of which only changed ones are updated:

- The lines of a check are updated after a probe, and when its hold ends.
- A product is measured again when one of its checks changed. Other products are measured in turn, oldest figures first.
  Per scrape, these are a quarter (at least MIN_RECENTLY_DOWN) of the products that are not up or were down in the last
  6 hours, and a 64th (at least MIN_OTHER) of the other products, whose figures change only because old time leaves the
  windows. So figures are at most about 64 scrapes old. `ninewatch_figures_age_seconds` is the age of the oldest
  figures.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from itertools import islice
from operator import attrgetter
from typing import TYPE_CHECKING

from monitor.exporters.check_columns import CheckChunk
from monitor.exporters.checks import CheckLines
from monitor.exporters.columns import Columns
from monitor.exporters.confirmed import Confirmed
from monitor.exporters.continuity import ContinuityLines
from monitor.exporters.daemon import Daemon
from monitor.exporters.drills import DrillLines
from monitor.exporters.families import CHECK_FAMILIES, FIGURES_AGE, PRODUCT_FAMILIES, SAMPLES_OMITTED
from monitor.exporters.journeys import JourneyLines
from monitor.exporters.latency_objectives import LatencyObjectiveLines
from monitor.exporters.pauses import PauseLines
from monitor.exporters.products import ProductLines
from monitor.exporters.readiness import ReadinessFigures
from monitor.exporters.silences import SilenceLines
from monitor.exporters.sites import SiteLines
from monitor.ledger.degraded import is_degraded
from monitor.ledger.release_gate import gate_answer, overrides_by_product
from sla.alerting import outage
from sla.interval import SECOND
from sla.outage import required_history

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator, Mapping, Sequence

    from monitor.clock import Clock
    from monitor.config.model import Portfolio
    from monitor.exporters.checks import OutcomeCounts
    from monitor.exporters.exposition import Dialect
    from monitor.health import Health
    from monitor.ledger.ledger import Ledger
    from sla.gate_override import GateOverride
    from sla.incident import Incident

SLICE = 0.003  # seconds of work per block; a step (a product, a join) takes less
MIN_RECENTLY_DOWN = 8  # products with recent downtime to measure per scrape, or a quarter of them if that is more
MIN_OTHER = 8  # products without recent downtime to measure per scrape, or a 64th of them if that is more
MAX_INCIDENTS = 1_000  # samples of ninewatch_open_incident_info; each incident has a new series


class _Counters:
    """Counters derived from the record, for all checks and products that were rendered since startup.

    They survive a reload, so that a check or product that is added again continues from its value.
    """

    def __init__(self, health: Health) -> None:
        self.health = health
        self.observations: dict[str, Confirmed[OutcomeCounts]] = defaultdict(Confirmed)
        self.downtime: dict[str, Confirmed[int]] = defaultdict(Confirmed)
        self.incidents = Confirmed[Counter[str]]()


class _PortfolioLines:
    """The lines of one loaded portfolio. A rendering in progress keeps its portfolio during a reload."""

    def __init__(self, counters: _Counters, portfolio: Portfolio | None = None) -> None:
        self.portfolio, self._counters = portfolio, counters
        self.checks: list[CheckLines] = []
        self.products: list[ProductLines] = []
        self.check_columns, self.product_columns = (
            Columns(CHECK_FAMILIES, self.checks, CheckChunk),
            Columns(PRODUCT_FAMILIES, self.products),
        )
        # Products whose checks changed since they were measured; not cleared by a scrape that the client aborted.
        self.changed: set[str] = set()
        self.members: dict[str, list[CheckLines]] = defaultdict(list)
        self.incidents: list[Incident] | None = None
        self.omitted = 0  # open incidents beyond MAX_INCIDENTS
        self._total = Counter[str]()
        self._had_overrides = False
        self._newest: dict[str, Incident] = {}

    def fill(self, ledger: Ledger, slices: _TimeSlices) -> Iterator[bytes]:
        """Create the lines of the ledger's checks and products, with pauses."""
        for entry in tuple(ledger.entries.values()):
            lines = CheckLines(entry, self._counters.health, self._counters.observations[entry.key])
            self.checks.append(lines)
            self.members[entry.product.id].append(lines)
            yield from slices.pause()
        for product, history in [(ledger.products[name], history) for name, history in ledger.compositions.items()]:
            downtime = self._counters.downtime[product.id]
            dependencies = {name: ledger.compositions[name] for name in product.depends_on}
            readiness, health = ReadinessFigures(ledger, product.id), self._counters.health
            zone = ledger.portfolio.zone
            lines_of = ProductLines(product, history, health, downtime, dependencies, readiness, zone)
            self.products.append(lines_of)
            yield from slices.pause()
        self.check_columns = Columns(CHECK_FAMILIES, self.checks, CheckChunk)
        self.product_columns = Columns(PRODUCT_FAMILIES, self.products)

    def products_to_measure(self) -> Iterator[ProductLines]:
        """Yield the products to measure: changed products, and the other products with the oldest figures."""
        recently_down: list[ProductLines] = []
        others: list[ProductLines] = []
        changed = self.changed
        for lines in self.products:
            if lines.measured_at is None or (changed and lines.product.id in changed):
                yield lines
            else:
                (recently_down if lines.recently_down else others).append(lines)
        yield from islice(sorted(recently_down, key=_measured_at), max(MIN_RECENTLY_DOWN, len(recently_down) // 4))
        yield from islice(sorted(others, key=_measured_at), max(MIN_OTHER, len(others) // 64))

    def overridden(self, overrides: Mapping[str, GateOverride]) -> Iterator[ProductLines]:
        """Yield the products whose override in force changed since their last decision."""
        if overrides or self._had_overrides:
            yield from (lines for lines in self.products if lines.override is not overrides.get(lines.product.id))
            self._had_overrides = bool(overrides)

    def update_incidents(self, ledger: Ledger, slices: _TimeSlices) -> Iterator[bytes]:
        """Update each product's incident count and outage, if incidents changed.

        The count includes incidents of removed checks, because a counter must not decrease.
        """
        incidents, confirmed = ledger.incidents, self._counters.incidents
        changed, previous = incidents is not self.incidents, confirmed.value
        if changed:
            self._total = Counter(incident.product for incident in ledger.all_incidents())
            yield from self._update_open_incidents(incidents, slices)
            self.incidents = incidents
        published = confirmed.offer(self._total, self._counters.health)
        if changed or published is not previous:
            for lines in self.products:
                product = lines.product.id
                lines.set_incident_count(None if published is None else published[product], self._newest.get(product))

    def _update_open_incidents(self, incidents: Sequence[Incident], slices: _TimeSlices) -> Iterator[bytes]:
        still_open: dict[str, list[Incident]] = defaultdict(list)
        self._newest = {}
        for incident in incidents:
            self._newest.setdefault(incident.product, incident)
            if incident.resolved is None:
                still_open[incident.product].append(incident)
        remaining = MAX_INCIDENTS
        for lines in self.products:
            product_incidents = still_open[lines.product.id]
            lines.set_open_incidents(product_incidents, remaining)
            remaining -= min(remaining, len(product_incidents))
            self.update_outage(lines)
            yield from slices.pause()
        self.omitted = max(0, sum(map(len, still_open.values())) - MAX_INCIDENTS)

    def update_outage(self, lines: ProductLines) -> None:
        """Set whether the product is in an outage, by the open incidents of its checks."""
        lines.set_outage(outage(lines.product.rule, [check.incident_state for check in self.members[lines.product.id]]))


class Exporter:
    """Renders a ledger for Prometheus. Use it on the event loop's thread only; renderings may overlap."""

    def __init__(self, ledger: Ledger, health: Health, clock: Clock) -> None:
        self._ledger = ledger
        self._clock = clock
        self._daemon = Daemon(health, clock)
        self._counters = _Counters(health)
        self._silences, self._pauses = SilenceLines(ledger), PauseLines(ledger)
        self._drills, self._sites = DrillLines(ledger), SiteLines(ledger)
        self._continuity, self._journeys = ContinuityLines(ledger), JourneyLines(ledger)
        self._latency_objectives = LatencyObjectiveLines(ledger)
        self._lines = _PortfolioLines(self._counters)

    def render(self, dialect: Dialect) -> Iterator[bytes]:
        """Yield the page in blocks that take a few milliseconds; an empty block is a pause."""
        slices = _TimeSlices(self._clock)
        lines = yield from self._current(slices)
        now = self._clock.now()
        for chunk in lines.check_columns.chunks:
            lines.changed.update([check.product for check in chunk.rows if not check.refresh(now)])
            chunk.update()
            yield from slices.pause()
        yield from lines.update_incidents(self._ledger, slices)
        overrides = overrides_by_product(self._ledger, now)
        for product in lines.products_to_measure():
            lines.changed.discard(product.product.id)
            for _ in product.measure(now):
                yield from slices.pause()
            self._set_contractual(product, now)
            self._set_degraded(product, now)
            self._decide_gate(product, now, overrides)
            lines.update_outage(product)
            yield from slices.pause()
        for product in lines.overridden(overrides):
            self._decide_gate(product, now, overrides)
            yield from slices.pause()
        for _ in self._latency_objectives.measure(now):
            yield from slices.pause()
        for _ in lines.product_columns.update():
            yield from slices.pause()
        yield from lines.check_columns.render(dialect)
        yield from lines.product_columns.render(dialect)
        yield self._page_families(lines, now, dialect).encode()
        yield self._daemon.page(dialect)

    def _current(self, slices: _TimeSlices) -> Generator[bytes, None, _PortfolioLines]:
        """Return the lines of the running portfolio; create them after a reload."""
        if self._lines.portfolio is not self._ledger.portfolio:
            lines = _PortfolioLines(self._counters, self._ledger.portfolio)
            yield from lines.fill(self._ledger, slices)
            self._lines = lines
        return self._lines

    def _set_contractual(self, lines: ProductLines, now: int) -> None:
        """Set the contractual figures, unless a reload removed the product."""
        product = lines.product
        if product.id in self._ledger.products:
            window = self._ledger.own_window(product.id, now).measured
            after = self._ledger.after_exclusions(product.id, window)
            history = self._ledger.contractual_histories[product.id]
            is_raw = history is self._ledger.compositions[product.id]  # the agreement does not count degraded time
            raw = lines.window_durations if is_raw and lines.measured_at == now else None
            lines.set_contractual(after.durations(window, raw))
            if lines.limits:
                exclusions = self._ledger.exclusions(product.id, required_history(lines.limits, window))
                lines.set_outages(history, [exclusion.interval for exclusion in exclusions], window)

    def _set_degraded(self, lines: ProductLines, now: int) -> None:
        """Set whether the product is degraded, unless a reload removed the product."""
        product = lines.product.id
        if product in self._ledger.products:
            lines.set_degraded(is_degraded(self._ledger, product, now) if lines.up else None)

    def _decide_gate(self, lines: ProductLines, now: int, overrides: Mapping[str, GateOverride]) -> None:
        """Set the answer of the release gate, unless a reload removed the product."""
        if lines.product.id in self._ledger.products:
            override = overrides.get(lines.product.id)
            durations, state = (lines.window_durations, lines.state) if lines.measured_at == now else (None, None)
            lines.set_gate(gate_answer(self._ledger, lines.product, now, override, durations, state), override)

    def _page_families(self, lines: _PortfolioLines, now: int, dialect: Dialect) -> str:
        oldest = min([product.measured_at or now for product in lines.products], default=now)
        age = f"{FIGURES_AGE.head(dialect)}{FIGURES_AGE.name} {max(0, now - oldest) / SECOND!r}\n"
        omitted = f"{SAMPLES_OMITTED.head(dialect)}{SAMPLES_OMITTED.name} {lines.omitted}\n"
        parts = (
            self._silences,
            self._pauses,
            self._latency_objectives,
            self._drills,
            self._continuity,
            self._journeys,
            self._sites,
        )
        return age + omitted + "".join(part.text(now, dialect) for part in parts)


_measured_at = attrgetter("measured_at")


class _TimeSlices:
    """Divides a rendering into time slices."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._slice_start = clock.monotonic()

    @property
    def ended(self) -> bool:
        """Whether the time slice has ended."""
        return self._clock.monotonic() - self._slice_start >= SLICE

    def pause(self) -> Iterator[bytes]:
        """Yield one empty block if the time slice has ended."""
        if self.ended:
            yield b""
            self._slice_start = self._clock.monotonic()
