"""Pauses as objects of the API and as text of pages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from monitor.views.formatting import moment
from sla.window import format_instant

if TYPE_CHECKING:
    from collections.abc import Mapping
    from zoneinfo import ZoneInfo

    from monitor.ledger.ledger import Ledger
    from sla.pause import Pause


def pause_json(pause: Pause) -> dict[str, Any]:
    """Return the object of a pause. `check` is null for all checks of the product, `until` without an end."""
    return {
        "id": pause.id or pause.fact().id,
        "product": pause.product,
        "check": pause.check.partition("/")[2] or None,
        "author": pause.author,
        "reason": pause.reason,
        "made": format_instant(pause.made),
        "until": None if pause.until is None else format_instant(pause.until),
        "ended": None if pause.ended is None else format_instant(pause.ended),
    }


def pause_text(pause: Pause, zone: ZoneInfo) -> str:
    """Return the pause as text: end, author and reason."""
    end = "" if pause.until is None else f" until {moment(pause.until, zone).local}"
    return f"paused{end} by {pause.author}: {pause.reason}"


def paused_checks(ledger: Ledger, product_id: str, now: int) -> dict[str, str]:
    """Return the text of the pause of each check of the product that is paused at the instant, by the check's id."""
    pauses = {entry.check.id: ledger.facts.pause(entry.key, now) for entry in ledger.entries_of(product_id)}
    zone = ledger.portfolio.zone
    return {check: pause_text(pause, zone) for check, pause in pauses.items() if pause is not None}


def pause_summary(paused: Mapping[str, str], checks: int) -> str:
    """Return the pauses of a product with this number of checks as one text; empty if none of its checks is paused."""
    if len(paused) == checks and len(set(paused.values())) == 1:
        return next(iter(paused.values()))
    return "; ".join(f"{check} is {text}" for check, text in paused.items())
