"""The cases that query windows: of products with three checks, and of one with 370 checks."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from bench.generated_ledger import (
    NOW,
    Figures,
    add_facts,
    ledger_with_runs,
    observe,
    portfolio,
    product,
    runs,
    time_calls,
)
from monitor.ledger.ledger import Ledger
from sla.calendar import Period, calendar_window
from sla.correction import Correction
from sla.interval import DAY, HOUR, MINUTE, SECOND, Interval
from sla.objective import Objective
from sla.window import WINDOWS

if TYPE_CHECKING:
    from sla.observation import Run

ZONE = ZoneInfo("America/Vancouver")
WEEKLY = {"start": "2024-01-07T02:00", "end": "2024-01-07T04:00", "rrule": "FREQ=WEEKLY;BYDAY=SU", "reason": "patches"}
KINDS: dict[str, dict[str, object]] = {
    "maintenance, corrections": {"maintenance": [WEEKLY]},
    "a dependency": {"agreement": {"excludes": [{"dependency": "plain-0"}]}},
    "service hours": {"agreement": {"service_hours": "Mon-Fri 07:00-18:00"}},
}
SETS = {"plain": 180, "silent": 40, "returns": 40, "eras": 40, "young": 20}


def windows() -> Figures:
    """Measure all windows of products with 3 checks."""
    products = [product(f"{name}-{n}", 3) for name, count in SETS.items() for n in range(count)]
    for index, fields in enumerate(KINDS.values()):
        products += [product(f"excluding-{index}-{n}", 3, **fields) for n in range(4)]
    products.append(product("rest", 4))
    ledger = ledger_with_runs(portfolio(products), _runs_of)
    _correct(ledger)
    _add_eras(ledger)
    for history in ledger.compositions.values():
        history.precompute()
    figures = {f"any {name} window": _measure_products(ledger, "plain", _rolling(name)) for name in WINDOWS}
    figures |= {f"any calendar {period}": _measure_products(ledger, "plain", _calendar(period)) for period in Period}
    figures["any window at a past instant"] = _measure_products(ledger, "plain", _past_window)
    figures["any window after a new observation"] = time_calls(_after_observation(ledger, "plain", 1))
    figures["any 365d window of a young record"] = _measure_products(ledger, "young", _rolling("365d"))
    figures |= {
        f"any {name} window, member silent": _measure_products(ledger, "silent", _rolling(name))
        for name in ("1h", "365d")
    }
    figures["any window after a new observation, silent"] = time_calls(_after_observation(ledger, "silent", 1))
    figures["any window after a member returns"] = time_calls(_after_observation(ledger, "returns", 0))
    figures["any 365d window of two eras"] = _measure_products(ledger, "eras", _rolling("365d"))
    figures["any calendar year of two eras"] = _measure_products(ledger, "eras", _calendar(Period.YEAR))
    for index, kind in enumerate(KINDS):
        for name in ("30d", "365d"):
            for product_id in _names(ledger, f"excluding-{index}"):
                _contractual(name)(ledger, product_id)  # computes the sums of exclusions, once per process
            figures[f"any contractual {name}: {kind}"[:39]] = _measure_products(
                ledger, f"excluding-{index}", _contractual(name)
            )
    return figures


def _runs_of(key: str, number: int) -> Iterable[Run]:
    first = key.endswith("/check-0")
    if key.startswith(("silent", "returns")) and first:
        return [run for run in runs(key, number) if run.last < NOW - 300 * DAY]
    return runs(key, number, 30 if key.startswith("young") else 365)


def _correct(ledger: Ledger) -> None:
    """Exclude one hour in 10 days from each product with corrections."""
    names = [name for name in ledger.products if name.startswith("excluding-0")]
    spans = [Interval(NOW - n * 10 * DAY, NOW - n * 10 * DAY + HOUR) for n in range(1, 37)]
    corrections = [Correction(name, span, "Ana", "network", NOW) for name in names for span in spans]
    add_facts(ledger, [correction.fact() for correction in corrections])


def _add_eras(ledger: Ledger) -> None:
    """Add a second definition with another objective, half a year ago, to the products of the set."""
    names = [name for name in ledger.products if name.startswith("eras")]
    definitions = [definition for name in names for definition in ledger.definitions(name)]
    changes = {"made": NOW - 180 * DAY, "objective": Objective.parse("99.5%")}
    add_facts(ledger, [replace(definition, **changes).fact("bench") for definition in definitions])


def _names(ledger: Ledger, kind: str) -> list[str]:
    return [name for name in ledger.products if name.startswith(f"{kind}-")]


Query = Callable[[Ledger, str], object]


def _measure_products(ledger: Ledger, kind: str, query: Query) -> float:
    names = _names(ledger, kind)
    for name in names[:1]:
        query(ledger, name)  # fills the caches of time zones and rules
    return time_calls((lambda name=name: query(ledger, name)) for name in names)


def _rolling(name: str) -> Query:
    return lambda ledger, product_id: ledger.measured(product_id, name, NOW)


def _calendar(period: Period) -> Query:
    window = calendar_window(period, NOW, ZONE)
    return lambda ledger, product_id: ledger.measured(product_id, window, NOW)


def _past_window(ledger: Ledger, product_id: str) -> object:
    at = NOW - 100 * DAY
    return ledger.measured(product_id, Interval(at - 90 * DAY, at), at)


def _contractual(name: str) -> Query:
    return lambda ledger, product_id: ledger.contractual(product_id, Interval(NOW - WINDOWS[name], NOW))


def _after_observation(ledger: Ledger, kind: str, member: int) -> Iterator[Callable[[], object]]:
    for name in _names(ledger, kind):
        observe(ledger, f"{name}/check-{member}", NOW + 30 * SECOND)
        yield lambda name=name: ledger.measured(name, "365d", NOW + MINUTE)


def wide() -> Figures:
    """Measure a product with 370 checks."""
    ledger = ledger_with_runs(portfolio([product("wide", 370)]))
    ledger.compositions["wide"].precompute()

    def all_windows() -> list[object]:
        return [ledger.measured("wide", name, NOW + HOUR) for name in WINDOWS]

    def after_observations() -> Iterator[Callable[[], object]]:
        for second in range(1, 21):
            observe(ledger, "wide/check-7", NOW + second * SECOND)
            yield all_windows

    return {
        "all 7 windows of 370 checks": time_calls([all_windows] * 20),
        "the same after a new observation": time_calls(after_observations()),
    }


def window_work() -> Callable[[int], object]:
    ledger = ledger_with_runs(portfolio([product("p", 3)]))
    ledger.compositions["p"].precompute()
    return lambda _: [ledger.measured("p", name, NOW) for name in WINDOWS]


def contractual_work() -> Callable[[int], object]:
    """Return the work for a contractual year of a product with about 700 exclusions, the downtime of a dependency."""
    excluding = product("excluding", 3, agreement={"excludes": [{"dependency": "p"}]})
    ledger = ledger_with_runs(portfolio([product("p", 3), excluding]))
    for history in ledger.compositions.values():
        history.precompute()
    query = _contractual("365d")
    query(ledger, "excluding")
    return lambda _: query(ledger, "excluding")


def after_observation_work(checks: int = 3, days: int = 365) -> Callable[[int], object]:
    ledger = ledger_with_runs(portfolio([product("p", checks)]), lambda key, number: runs(key, number, days))
    ledger.compositions["p"].precompute()

    def work(number: int) -> object:
        observe(ledger, "p/check-1", NOW + (number + 1) * SECOND)
        return [ledger.measured("p", name, NOW + MINUTE) for name in WINDOWS]

    return work
