"""Colours, thresholds and value mappings of the dashboards.

The colours are from the palette of Okabe and Ito (https://jfly.uni-koeln.de/color/), which is distinguishable with any
colour vision deficiency. The red is from Paul Tol's "vibrant" scheme (https://personal.sron.nl/~pault/), because the
palette's red is too similar to its orange. States are also shown as text.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from grafana_foundation_sdk.builders.dashboard import ThresholdsConfig
from grafana_foundation_sdk.models.dashboard import (
    FieldColorModeId,
    Threshold,
    ThresholdsMode,
    ValueMap,
    ValueMappingResult,
)

GOOD, WARNING, BAD, UNKNOWN = "#0072B2", "#E69F00", "#CC3311", "#808080"
LINES: Final = (GOOD, WARNING, "#009E73", "#CC79A7", BAD, "#56B4E9")

Names = Mapping[int, tuple[str, str]]
"""Value -> text and colour."""

STATES: Final[Names] = {0: ("unknown", UNKNOWN), 1: ("up", GOOD), 2: ("DOWN", BAD), 3: ("replicas differ", WARNING)}
GATE: Final[Names] = {0: ("unknown", UNKNOWN), 1: ("go", GOOD), 2: ("HOLD", BAD), 3: ("replicas differ", WARNING)}
VERDICTS: Final[Names] = {0: ("undecided", UNKNOWN), 1: ("MISSED", BAD), 2: ("met", GOOD)}
YES_NO: Final[Names] = {0: ("NO", BAD), 1: ("yes", GOOD)}

Steps = tuple[tuple[float | None, str], ...]
"""Pairs of minimum value and colour. The first pair has no minimum."""

PLAIN: Final[Steps] = ((None, GOOD),)
ANY_IS_BAD: Final[Steps] = ((None, GOOD), (1, BAD))
ANY_IS_WARNING: Final[Steps] = ((None, GOOD), (1, WARNING))
BUDGET: Final[Steps] = ((None, BAD), (0, WARNING), (0.25, GOOD))
COVERAGE: Final[Steps] = ((None, BAD), (0.5, WARNING), (0.99, GOOD))
EXPIRY: Final[Steps] = ((None, BAD), (3 * 86400, WARNING), (21 * 86400, GOOD))


def from_zero(colour: str) -> Steps:
    """Return thresholds: grey below 1, the colour from 1 on."""
    return ((None, UNKNOWN), (1, colour))


def up_to(warning: float, bad: float) -> Steps:
    """Return thresholds for a value that is good if it is low."""
    return ((None, GOOD), (warning, WARNING), (bad, BAD))


def thresholds(steps: Steps) -> ThresholdsConfig:
    """Return the thresholds of a panel."""
    grafana_thresholds = [Threshold(value, colour) for value, colour in steps]
    return ThresholdsConfig().mode(ThresholdsMode.ABSOLUTE).steps(grafana_thresholds)


def mapping(names: Names) -> ValueMap:
    """Return the mapping of values to text and colour."""
    return ValueMap({str(v): ValueMappingResult(text, colour, index=v) for v, (text, colour) in names.items()})


def threshold_properties(steps: Steps) -> list[tuple[str, Any]]:
    """Return the properties of a table column that colour its text by thresholds."""
    return [
        ("custom.cellOptions", {"type": "color-text"}),
        ("color", {"mode": FieldColorModeId.THRESHOLDS.value}),
        ("thresholds", thresholds(steps).build()),
    ]


def mapping_properties(names: Names) -> list[tuple[str, Any]]:
    """Return the properties of a table column that show its values as texts."""
    return [("custom.cellOptions", {"type": "color-text"}), ("mappings", [mapping(names)])]
