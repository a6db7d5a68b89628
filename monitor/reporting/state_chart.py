"""The states of a product over a short time as SVG: a strip with a height and a colour per state.

Like the chart of nines it uses attributes only, so that it looks the same in a page, on paper and in a PDF.
"""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Final

from sla.interval import SECOND
from sla.states import State

if TYPE_CHECKING:
    from collections.abc import Iterator

    from monitor.reporting.document import StateChart
    from sla.states import Piece

WIDTH: Final = 720.0
_ROW: Final = 12.0  # of the labels of marks
_ROWS: Final = 4  # as many as a drill has marks: start, failure, detection, end
_LEFT, _RIGHT, _TOP, _STRIP = 8.0, 8.0, 10 + _ROW * _ROWS, 60.0
HEIGHT: Final = _TOP + _STRIP + 38
_PLOT = WIDTH - _LEFT - _RIGHT
_UP, _DOWN, _DOUBT, _QUIET, _TEXT = "#013366", "#b3261e", "#c98a00", "#52606f", "#1c2530"
_NAMES: Final = {
    State.UP: "up",
    State.DOWN: "down",
    State.DOUBT_UP: "in doubt, estimated up",
    State.DOUBT_DOWN: "in doubt, estimated down",
    State.GUESS_UP: "unknown, estimated up",
    State.GUESS_DOWN: "unknown, estimated down",
    State.UNKNOWN: "unknown",
}
_STEPS: Final = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1_800, 3_600, 7_200, 14_400, 43_200, 86_400)
_MAX_TICKS: Final = 12
_EDGE: Final = 24.0  # half of the longest label of a tick


def state_name(state: State) -> str:
    """Return the name of the state for readers."""
    return _NAMES[state]


def state_svg(chart: StateChart, id_: str, font: str) -> str:
    """Return the chart as an SVG element with a title and a description; `id_` is unique on the page."""
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH:g} {HEIGHT:g}" role="img" '
        f'aria-labelledby="{id_}-title {id_}-desc" font-family="{escape(font)}" font-size="10.5">'
        f'<title id="{id_}-title">{escape(chart.title)}</title><desc id="{id_}-desc">{escape(chart.text)}</desc>'
        f'<defs><pattern id="{id_}-hatch" width="6" height="6" patternUnits="userSpaceOnUse" '
        f'patternTransform="rotate(45)"><rect width="3" height="6" fill="{_DOUBT}"/></pattern></defs>'
    )
    if not chart.pieces:
        return head + "</svg>"
    scale = _Scale(chart)
    return "\n".join([head, *_strip(chart, scale, id_), *_axis(scale), *_marks(chart, scale), "</svg>"])


class _Scale:
    """Positions of instants; seconds are relative to `origin`."""

    def __init__(self, chart: StateChart) -> None:
        self.start, self.end = chart.pieces[0].start, chart.pieces[-1].end
        self.origin = chart.marks[0][0] if chart.marks else self.start

    def x(self, at: int) -> float:
        return _LEFT + _PLOT * (at - self.start) / (self.end - self.start)


def _strip(chart: StateChart, scale: _Scale, id_: str) -> Iterator[str]:
    for piece in chart.pieces:
        x, width = scale.x(piece.start), max(scale.x(piece.end) - scale.x(piece.start), 0.4)
        height, paint = _paint(piece, id_)
        top = _TOP + _STRIP - height
        seconds = (piece.end - piece.start) / SECOND
        yield (
            f'<rect x="{x:.2f}" y="{top:g}" width="{width:.2f}" height="{height:g}" {paint}>'
            f"<title>{seconds:g} s {state_name(piece.state)}</title></rect>"
        )


def _paint(piece: Piece, id_: str) -> tuple[float, str]:
    """Return the height and the fill attributes of a piece."""
    if piece.state is State.UP:
        return 12.0, f'fill="{_UP}"'
    if piece.state is State.DOWN:
        return _STRIP, f'fill="{_DOWN}"'
    if piece.state.is_doubt:
        return _STRIP / 2, f'fill="url(#{id_}-hatch)" stroke="{_DOUBT}" stroke-width=".6"'
    return _STRIP, f'fill="none" stroke="{_QUIET}" stroke-width=".6" stroke-dasharray="2 2"'


def _axis(scale: _Scale) -> Iterator[str]:
    length = (scale.end - scale.start) // SECOND
    step = next((step for step in _STEPS if length <= step * _MAX_TICKS), 7 * 86_400)
    bottom = _TOP + _STRIP
    first = -((scale.origin - scale.start) // SECOND // step)
    for number in range(first, (scale.end - scale.origin) // SECOND // step + 1):
        x = scale.x(scale.origin + number * step * SECOND)
        yield f'<path d="M{x:.2f} {bottom:g}v5" stroke="{_QUIET}" stroke-width="1"/>'
        yield (
            f'<text x="{x:.2f}" y="{bottom + 17:g}" text-anchor="{_anchor(x)}" fill="{_QUIET}">{number * step} s</text>'
        )


def _anchor(x: float) -> str:
    """Return the anchor of a label below its tick that keeps it within the chart."""
    return "start" if x < _EDGE else "end" if x > WIDTH - _EDGE else "middle"


def _marks(chart: StateChart, scale: _Scale) -> Iterator[str]:
    """Yield a line and a label per mark. Each label has a row of its own, so that they do not overlap."""
    for number, (at, label) in enumerate(chart.marks):
        if not scale.start <= at <= scale.end:
            continue
        x, y = scale.x(at), 10 + _ROW * (number % _ROWS)
        anchor = "start" if x < WIDTH / 2 else "end"
        yield f'<path d="M{x:.2f} {y + 2:g}V{_TOP + _STRIP:g}" stroke="{_TEXT}" stroke-width=".8"/>'
        yield f'<text x="{x:.2f}" y="{y:g}" text-anchor="{anchor}" fill="{_TEXT}">{escape(label)}</text>'
