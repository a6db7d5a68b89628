"""The chart of a drill: its labels do not overlap and stay within it."""

from __future__ import annotations

import re
from typing import NamedTuple

import pytest

from monitor.reporting.document import StateChart
from monitor.reporting.state_chart import HEIGHT, WIDTH, state_svg
from sla.interval import HOUR, MINUTE, SECOND
from sla.states import Piece, State

GLYPH = 6.5  # the mean width of a glyph in the chart's font size, in its units
LINE = 10.5


class Box(NamedTuple):
    """The box of a label."""

    text: str
    left: float
    right: float
    bottom: float

    def overlaps(self, other: Box) -> bool:
        """Return whether the boxes have a common area."""
        beside = self.right <= other.left or other.right <= self.left
        return not beside and abs(self.bottom - other.bottom) < LINE


def boxes(svg: str) -> list[Box]:
    """Return the boxes of all labels."""
    labels = re.findall(r'<text x="(\S+)" y="(\S+)" text-anchor="(\w+)"[^>]*>([^<]*)</text>', svg)
    return [box(text, float(x), float(y), anchor) for x, y, anchor, text in labels]


def box(text: str, x: float, y: float, anchor: str) -> Box:
    width = GLYPH * len(text)
    left = {"start": x, "middle": x - width / 2, "end": x - width}[anchor]
    return Box(text, left, left + width, y)


@pytest.mark.parametrize("length", [20 * SECOND, 5 * MINUTE, HOUR])
def test_labels_of_a_drill_whose_failure_is_at_its_start_do_not_overlap(length: int) -> None:
    pieces = (Piece(-30 * SECOND, 0, State.UP), Piece(0, length, State.DOWN), Piece(length, length + SECOND, State.UP))
    marks = ((0, "start"), (200_000, "failure"), (700_000, "detected"), (length, "end"))
    labels = boxes(state_svg(StateChart("t", "d", pieces, marks), "c", "sans-serif"))
    assert {"start", "failure", "detected", "end"} < {label.text for label in labels}
    for number, label in enumerate(labels):
        assert label.left >= 0, label
        assert label.right <= WIDTH, label
        assert label.bottom <= HEIGHT, label
        assert not [other for other in labels[:number] if label.overlaps(other)], label
