"""The text formats of metrics: families, label values and the two dialects."""

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
    """One metric family. `name` is the name of its samples: a counter's ends in `_total`, a unit is its end.

    `labels` are the names of its labels, separated by spaces. `recorded`: a counter that is derived from the record, so
    that it never falls; other counters begin at 0 with the process. `exemplars`: its samples have exemplars, which only
    OpenMetrics has.
    """

    name: str
    kind: str
    help: str
    unit: str = ""
    labels: str = ""
    recorded: bool = False
    exemplars: bool = False

    def head(self, dialect: Dialect) -> str:
        """Return the header lines of the family, each with a line feed.

        OpenMetrics names a counter's family without the `_total` of its samples, and knows units.
        """
        if dialect is Dialect.TEXT:
            return f"# HELP {self.name} {self.help}\n# TYPE {self.name} {self.kind}\n"
        name = self.name.removesuffix("_total") if self.kind == "counter" else self.name
        unit = f"# UNIT {name} {self.unit}\n" if self.unit else ""
        return f"# HELP {name} {self.help}\n# TYPE {name} {self.kind}\n{unit}"


def escape(value: str) -> str:
    r"""Return the text escaped for a label value.

    A lone surrogate has no UTF-8 form and becomes a question mark.

    >>> escape('a"b\\c')
    'a\\"b\\\\c'
    """
    plain = value.encode("utf-8", "replace").decode("utf-8")
    return plain.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")


def series(name: str, /, **labels: str) -> str:
    """Return a sample line up to its value: name, labels in the order given, one space.

    >>> series("up", product="chefs")
    'up{product="chefs"} '
    """
    pairs = ",".join(f'{key}="{escape(value)}"' for key, value in labels.items())
    return f"{name}{{{pairs}}} "


_EXEMPLAR = re.compile(r" # \{[^\n]*")


def exemplar(at: int, /, **labels: str) -> str:
    """Return what follows the value of a counter's sample: an example of what it counts, and its instant.

    At most 128 characters of labels, as OpenMetrics demands; without, there is no exemplar.

    >>> exemplar(1_500_000, incident="i-7")
    ' # {incident="i-7"} 1.0 1.5'
    """
    if sum(len(key) + len(value) for key, value in labels.items()) > 128:
        return ""
    pairs = ",".join(f'{key}="{escape(value)}"' for key, value in labels.items())
    return f" # {{{pairs}}} 1.0 {at / SECOND!r}"


def without_exemplars(lines: str) -> str:
    """Return sample lines for the text format. The labels of their series have no ` # {`, because they are ids."""
    return _EXEMPLAR.sub("", lines)


def negotiate(accept: str) -> Dialect:
    """Return the dialect for an Accept header: OpenMetrics 1.0.0 if accepted, else the text format.

    Weights are compared, because OpenMetrics may be the second choice.
    """
    best, wanted = 0.0, Dialect.TEXT
    for offer in accept.split(","):
        media, _, rest = offer.strip().partition(";")
        parameters = dict(_parameters(rest))
        weight = _weight(parameters.get("q", "1"))
        dialect = _dialect(media.strip().lower(), parameters.get("version", ""))
        if dialect is not None and weight > best:
            best, wanted = weight, dialect
    return wanted


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
