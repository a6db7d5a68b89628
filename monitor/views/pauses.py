"""Pauses as objects of the API and as text of pages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sla.window import format_instant

if TYPE_CHECKING:
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


def pause_text(pause: Pause) -> str:
    """Return the pause as text: end, author and reason."""
    end = "" if pause.until is None else f" until {format_instant(pause.until)}"
    return f"paused{end} by {pause.author}: {pause.reason}"
