"""Badges of a component: SVG, and the JSON of shields.io's endpoint badge."""

from __future__ import annotations

import json
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Final

from monitor.views.service_state import ServiceState

if TYPE_CHECKING:
    from collections.abc import Callable

    from monitor.views.status_page import ComponentView

CACHE_SECONDS: Final = 300
# Colours on which white text has a contrast of at least 4.5.
_COLOURS: Final = {
    ServiceState.OUTAGE: "b3261e",
    ServiceState.DEGRADED: "8a5a00",
    ServiceState.NO_DATA: "5b6673",
    ServiceState.MAINTENANCE: "1a5a96",
    ServiceState.OPERATIONAL: "1b7340",
}
_FIGURE_COLOUR: Final = "1a5a96"
_NARROW: Final = frozenset("ijl.,:;'|!()[] ")


@dataclass(frozen=True, slots=True)
class Badge:
    """A badge: the text on its left and on its right, and the colour of the right part as six hexadecimal digits."""

    label: str
    message: str
    colour: str
    is_error: bool = False

    def shields(self) -> str:
        """Return the JSON of an endpoint badge (https://shields.io/badges/endpoint-badge)."""
        body = {
            "schemaVersion": 1,
            "label": self.label,
            "message": self.message,
            "color": self.colour,
            "isError": self.is_error,
            "cacheSeconds": CACHE_SECONDS,
        }
        return json.dumps(body, ensure_ascii=False) + "\n"

    def svg(self) -> str:
        """Return the badge as an image with its text as the title."""
        left, right = _width(self.label), _width(self.message)
        label, message = escape(self.label), escape(self.message)
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{left + right}" height="20" role="img" '
            f'aria-label="{label}: {message}"><title>{label}: {message}</title>'
            f'<path fill="#3b4754" d="M3 0h{left - 3}v20H3a3 3 0 0 1-3-3V3a3 3 0 0 1 3-3z"/>'
            f'<path fill="#{self.colour}" d="M{left} 0h{right - 3}a3 3 0 0 1 3 3v14a3 3 0 0 1-3 3h-{right - 3}z"/>'
            '<g fill="#fff" text-anchor="middle" font-family="Verdana,DejaVu Sans,sans-serif" font-size="11">'
            f'<text x="{left / 2:g}" y="14" textLength="{left - 12}">{label}</text>'
            f'<text x="{left + right / 2:g}" y="14" textLength="{right - 12}">{message}</text></g></svg>\n'
        )


def _width(text: str) -> int:
    """Return the width of a part in pixels, with space around the text."""
    return 12 + round(sum(4.2 if character in _NARROW else 7 for character in text))


def availability_badge(component: ComponentView) -> Badge:
    """Return the badge of the availability with its lower bound."""
    if component.bounds.point is None:
        return Badge(component.name, component.figure, _COLOURS[ServiceState.NO_DATA], is_error=True)
    return Badge(component.name, component.figure, _FIGURE_COLOUR)


def state_badge(component: ComponentView) -> Badge:
    """Return the badge of the present state."""
    state = component.state
    word = component.language.gettext(state.word).lower()
    return Badge(component.name, word, _COLOURS[state], is_error=state is ServiceState.NO_DATA)


BADGES: Final[dict[str, Callable[[ComponentView], Badge]]] = {"availability": availability_badge, "state": state_badge}
"""The badges of a component by their name in addresses."""
