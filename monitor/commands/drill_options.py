"""Find drills and read options for the commands of `ninewatch drill`."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from monitor.clock import SystemClock
from monitor.config.former_ids import FormerIdMap
from monitor.errors import NinewatchError
from monitor.facts.fact_index import Facts
from monitor.facts.journal import Journal
from monitor.storage.reader import facts_of
from sla.drill_facts import drills
from sla.window import parse_duration, parse_instant

if TYPE_CHECKING:
    from pathlib import Path

    from monitor.config.model import Portfolio, Product
    from sla.drill import DrillRecord


def require_product(name: str, portfolio: Portfolio, path: Path) -> Product:
    """Return the configured product with this id.

    Raises:
        NinewatchError: the product is not configured.
    """
    known = {product.id: product for product in portfolio.products}
    if name not in known:
        raise NinewatchError(f'{path}: unknown product "{name}"; known products: {", ".join(known)}')
    return known[name]


def one_drill(name: str, portfolio: Portfolio, at: int) -> DrillRecord:
    """Return the drill with this id as of the instant, or the drill in progress of the product with this id.

    Raises:
        NinewatchError: the record or the drill does not exist, or its product is not configured.
    """
    if not portfolio.store.exists():
        raise NinewatchError(f"no record at {portfolio.store}; start the daemon once with `ninewatch run`")
    former_ids = FormerIdMap.of(portfolio)
    facts = Facts(facts_of(portfolio.store), Journal.of(portfolio.store).read(), former_ids=former_ids).all
    records = [
        replace(drill, drill=replace(drill.drill, product=former_ids.product(drill.drill.product)))
        for drill in drills(facts, at)
    ]
    matching = [record for record in records if record.id == name]
    matching = matching or [record for record in records if record.drill.product == name and record.end is None]
    if not matching:
        raise NinewatchError(
            f'unknown drill "{name}", and no product "{name}" with a drill in progress; see `ninewatch drill list`'
        )
    if all(product.id != matching[-1].drill.product for product in portfolio.products):
        raise NinewatchError(f"the product {matching[-1].drill.product} of the drill is not configured; add it")
    return matching[-1]


def instant_of(text: str | None, portfolio: Portfolio) -> int:
    """Return the instant of `--at`, or now without `--at`.

    Raises:
        NinewatchError: the text is invalid, or the instant is in the future or before 1970.
    """
    now = SystemClock().now()
    if text is None:
        return now
    try:
        at = parse_instant(text, portfolio.zone)
    except (ValueError, OverflowError) as error:
        raise NinewatchError(f"--at: {error}") from None
    if not 0 <= at <= now:
        raise NinewatchError(f"--at {text} is in the future or before 1970; omit it for the present")
    return at


def duration_option(option: str, text: str) -> int:
    """Return the duration of an option in microseconds; `0s` is allowed.

    Raises:
        NinewatchError: the text is invalid.
    """
    try:
        return parse_duration(text)
    except (ValueError, OverflowError) as error:
        raise NinewatchError(f"{option}: {error}") from None
