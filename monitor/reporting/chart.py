"""The chart as SVG on a scale of nines: a band for the bounds and a mark for the estimate per column.

On a linear scale, a day with a long outage would hide the differences between the other days. Marks differ in shape and
colour. The SVG has attributes instead of a style sheet, so that it looks the same on a page, on paper and in a PDF.
"""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from monitor.reporting.document import StateChart
from monitor.reporting.state_chart import state_svg
from monitor.views.formatting import NINES_SHOWN, nines_scale

if TYPE_CHECKING:
    from collections.abc import Iterator

    from monitor.reporting.document import Chart, Column

WIDTH, HEIGHT = 720.0, 232.0
_LEFT, _RIGHT, _TOP, _BOTTOM = 58.0, 8.0, 18.0, 24.0
_PLOT_W, _PLOT_H = WIDTH - _LEFT - _RIGHT, HEIGHT - _TOP - _BOTTOM
_GRID = ("0%", "90%", "99%", "99.9%", "99.99%", "99.999%", "100%")
_MAX_LABELS = 16

_LINE, _TEXT, _QUIET, _BAND, _NONE = "#d5dce5", "#1c2530", "#52606f", "#9db8d6", "#eef1f5"
_GOOD, _BAD, _GOAL = "#013366", "#b3261e", "#8a6100"


def svg(chart: Chart | StateChart, id_: str, font: str) -> str:
    """Return the chart as an SVG element with a title and a description. `id_` must be unique on the page."""
    if isinstance(chart, StateChart):
        return state_svg(chart, id_, font)
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH:g} {HEIGHT:g}" role="img" '
        f'aria-labelledby="{id_}-title {id_}-desc" font-family="{escape(font)}" font-size="10.5">'
        f'<title id="{id_}-title">{escape(chart.title)}</title><desc id="{id_}-desc">{escape(chart.text)}</desc>'
    )
    return "\n".join([head, *_grid(), *_columns(chart), *_objective(chart), "</svg>"])


def _y(share: float) -> float:
    return round(_TOP + _PLOT_H - nines_scale(share, _PLOT_H), 2)


def _grid() -> Iterator[str]:
    for step, label in enumerate(_GRID):
        y = round(_TOP + _PLOT_H * (1 - step / NINES_SHOWN), 2)
        yield f'<path d="M{_LEFT:g} {y:g}H{WIDTH - _RIGHT:g}" stroke="{_LINE}" stroke-width="1"/>'
        yield f'<text x="{_LEFT - 6:g}" y="{y + 3.6:g}" text-anchor="end" fill="{_QUIET}">{label}</text>'


def _columns(chart: Chart) -> Iterator[str]:
    count = len(chart.columns)
    width = _PLOT_W / max(count, 1)
    label_step = -(-count // _MAX_LABELS)
    for index, column in enumerate(chart.columns):
        left = _LEFT + index * width
        yield f"<g><title>{escape(column.text)}</title>"
        yield from _column(column, left, min(width, 64.0), left + width / 2)
        yield "</g>"
        if index % label_step == 0:
            x, y = left + width / 2, HEIGHT - 8
            label = escape(column.label)
            yield f'<text x="{x:.2f}" y="{y:g}" text-anchor="middle" fill="{_QUIET}">{label}</text>'


def _column(column: Column, x: float, width: float, middle: float) -> Iterator[str]:
    """Yield the band and the mark of a column. Without data, yield an outline of full height."""
    half = width * 0.36
    if column.point is None or column.low is None or column.high is None:
        yield (
            f'<rect x="{middle - half:.2f}" y="{_TOP:g}" width="{2 * half:.2f}" height="{_PLOT_H:g}" fill="{_NONE}" '
            f'stroke="{_QUIET}" stroke-width=".6" stroke-dasharray="2 2"/>'
        )
        return
    top, bottom, y = _y(column.high), _y(column.low), _y(column.point)
    height = max(bottom - top, 1.0)
    yield f'<rect x="{middle - half:.2f}" y="{top:g}" width="{2 * half:.2f}" height="{height:.2f}" fill="{_BAND}"/>'
    if column.misses:
        r = min(half, 5.0)
        yield f'<path d="M{middle:.2f} {y - r:.2f}l{r:.2f} {r:.2f} {-r:.2f} {r:.2f} {-r:.2f} {-r:.2f}z" fill="{_BAD}"/>'
    else:
        yield f'<rect x="{middle - half:.2f}" y="{y - 1.5:.2f}" width="{2 * half:.2f}" height="3" fill="{_GOOD}"/>'


def _objective(chart: Chart) -> Iterator[str]:
    y, right = _y(chart.objective), WIDTH - _RIGHT
    label = f"objective {escape(chart.objective_text)}"
    yield f'<path d="M{_LEFT:g} {y:g}H{right:g}" stroke="{_GOAL}" stroke-width="1.4" stroke-dasharray="6 3"/>'
    yield (
        f'<text x="{right:g}" y="{_TOP - 7:g}" text-anchor="end" fill="{_TEXT}">'
        f'<tspan fill="{_GOAL}" font-weight="bold">╌╌ </tspan>{label}</text>'
    )
