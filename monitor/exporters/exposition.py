"""Text formats of metrics: families, label values and the 2 dialects."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum

from sla.interval import SECOND


class Dialect(Enum):
    """A text format. Sample lines are the same in both; family headers and the end of the page differ."""

    TEXT = "text/plain; version=0.0.4; charset=utf-8"
    OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"

    @property
    def content_type(self) -> str:
        """Return the value of the Content-Type header."""
        return self.value


@dataclass(frozen=True, slots=True)
class Family:
    """A metric family. `name` is the name of the samples, with the suffix `_total` for counters.

    `labels` are label names, separated by spaces. `recorded`: the counter is derived from the record and never
    decreases; other counters start at 0 with the process. `exemplars`: the samples have exemplars in OpenMetrics.
    """

    name: str
    kind: str
    help: str
    unit: str = ""
    labels: str = ""
    recorded: bool = False
    exemplars: bool = False

    def head(self, dialect: Dialect) -> str:
        """Return the header lines of the family, with line feeds.

        In OpenMetrics, the name of a counter's family does not end with `_total`, and families have units.
        """
        if dialect is Dialect.TEXT:
            return f"# HELP {self.name} {self.help}\n# TYPE {self.name} {self.kind}\n"
        name = self.name.removesuffix("_total") if self.kind == "counter" else self.name
        unit = f"# UNIT {name} {self.unit}\n" if self.unit else ""
        return f"# HELP {name} {self.help}\n# TYPE {name} {self.kind}\n{unit}"


def escape(value: str) -> str:
    r"""Escape a text for a label value.

    A lone surrogate, which has no UTF-8 form, is replaced with a question mark.

    >>> escape('a"b\\c')
    'a\\"b\\\\c'
    """
    printable = value.encode("utf-8", "replace").decode("utf-8")
    return printable.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")


def series(name: str, /, **labels: str) -> str:
    """Return the start of a sample line: name, labels in argument order, one space.

    >>> series("up", product="chefs")
    'up{product="chefs"} '
    """
    pairs = ",".join(f'{key}="{escape(value)}"' for key, value in labels.items())
    return f"{name}{{{pairs}}} "


_EXEMPLAR = re.compile(r" # \{[^\n]*")


def exemplar(at: int, /, **labels: str) -> str:
    """Return an exemplar for the end of a counter's sample line: labels of a counted event, and its instant.

    Return an empty text if the labels have more than 128 characters, the limit of OpenMetrics.

    >>> exemplar(1_500_000, incident="i-7")
    ' # {incident="i-7"} 1.0 1.5'
    """
    if sum(len(key) + len(value) for key, value in labels.items()) > 128:
        return ""
    pairs = ",".join(f'{key}="{escape(value)}"' for key, value in labels.items())
    return f" # {{{pairs}}} 1.0 {at / SECOND!r}"


def without_exemplars(lines: str) -> str:
    """Remove the exemplars from sample lines. The series' labels are ids and do not contain ` # {`."""
    return _EXEMPLAR.sub("", lines)


def negotiate(accept: str) -> Dialect:
    """Return the dialect with the highest weight in an Accept header, by default the text format."""
    best_weight, best_dialect = 0.0, Dialect.TEXT
    for offer in accept.split(","):
        media, _, rest = offer.strip().partition(";")
        parameters = dict(_parameters(rest))
        weight = _weight(parameters.get("q", "1"))
        dialect = _dialect(media.strip().lower(), parameters.get("version", ""))
        if dialect is not None and weight > best_weight:
            best_weight, best_dialect = weight, dialect
    return best_dialect


def _parameters(text: str) -> list[tuple[str, str]]:
    pairs = (part.partition("=") for part in text.split(";") if "=" in part)
    return [(key.strip().lower(), value.strip().strip('"')) for key, _, value in pairs]


def _weight(text: str) -> float:
    try:
        return min(1.0, max(0.0, float(text)))
    except ValueError:
        return 0.0


def _dialect(media: str, version: str) -> Dialect | None:
    if media == "application/openmetrics-text" and version in ("", "1.0.0"):
        return Dialect.OPENMETRICS
    return Dialect.TEXT if media in ("text/plain", "text/*", "*/*") else None
