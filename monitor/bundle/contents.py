"""The content of a bundle from which its figures are computed: parts of a record and of a configuration."""

from __future__ import annotations

import base64
import binascii
import contextlib
import datetime as dt
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from monitor import zones
from monitor.as_of import RecordContent
from monitor.bundle import rows
from monitor.bundle.archive import UnusableBundleError
from monitor.bundle.manifest import LATENCIES, json_lines
from monitor.bundle.terms import portfolio_of
from monitor.config import holidays
from monitor.config.maintenance import clear_occurrence_cache

if TYPE_CHECKING:
    from monitor.ledger.ledger import Ledger
    from sla.exclusion import Exclusion

T = TypeVar("T")

Holiday = tuple[str, int, dt.date, str]


@dataclass(frozen=True, slots=True)
class Contents:
    """The data from which figures are computed.

    `terms`: the products in the format of `product_terms`. `planned`: occurrences of maintenance by product. `tzif`:
    time zone files by name. `days`: the holidays (place, year, date, name).
    """

    time_zone: str
    terms: Sequence[Mapping[str, Any]]
    recorded: RecordContent
    planned: Sequence[tuple[str, Exclusion]]
    tzif: Mapping[str, bytes]
    days: Sequence[Holiday]

    def files(self) -> dict[str, bytes]:
        """Return the files of the bundle with this content."""
        recorded = self.recorded
        latencies = {LATENCIES: json_lines(map(rows.latency_row, recorded.latency_days))} if self._has_latency else {}
        return {
            "products.jsonl": json_lines(iter(self.terms)),
            "facts.jsonl": json_lines(map(rows.fact_row, recorded.facts)),
            "runs.jsonl": json_lines(map(rows.run_row, recorded.runs)),
            "observations.jsonl": json_lines(map(rows.observation_row, recorded.tail)),
            "incidents.jsonl": json_lines(map(rows.incident_row, recorded.incidents)),
            "maintenance.jsonl": json_lines(rows.maintenance_row(*planned) for planned in self.planned),
            "holidays.jsonl": json_lines(
                {"where": source, "year": year, "date": day.isoformat(), "name": name}
                for source, year, day, name in self.days
            ),
            "zones.jsonl": json_lines(
                {"zone": name, "tzif": base64.b64encode(data).decode()} for name, data in sorted(self.tzif.items())
            ),
        } | latencies

    @property
    def _has_latency(self) -> bool:
        """Whether a product or a check has latency objectives."""
        return any(
            term.get("objectives") or any("objectives" in check for check in term["checks"]) for term in self.terms
        )

    @classmethod
    def read(cls, files: Mapping[str, bytes], time_zone: str) -> Contents:
        """Return the content of the files.

        Raises:
            UnusableBundleError: a file is missing, or a line is invalid. The message contains file and line.
        """
        recorded = RecordContent(
            lines_of(files, "runs.jsonl", rows.run_of),
            lines_of(files, "observations.jsonl", rows.observation_of),
            lines_of(files, "incidents.jsonl", rows.incident_of),
            lines_of(files, "facts.jsonl", rows.fact_of),
            lines_of(files, LATENCIES, rows.latency_of) if LATENCIES in files else (),
        )
        return cls(
            time_zone,
            lines_of(files, "products.jsonl", dict),
            recorded,
            lines_of(files, "maintenance.jsonl", rows.maintenance_of),
            dict(lines_of(files, "zones.jsonl", _zone)),
            lines_of(files, "holidays.jsonl", _holiday),
        )

    @contextlib.contextmanager
    def rules(self) -> Iterator[None]:
        """Use the time zones and holidays of this content in the `with` block.

        Raises:
            ValueError: the rules of a zone cannot be read.
        """
        by_year: dict[tuple[str, int], tuple[tuple[dt.date, str], ...]] = {}
        for source, year, day, name in self.days:
            by_year[source, year] = (*by_year.get((source, year), ()), (day, name))
        with zones.use_rules(self.tzif), holidays.override_holidays(by_year):
            clear_occurrence_cache()
            try:
                yield
            finally:
                clear_occurrence_cache()

    def ledger(self) -> Ledger:
        """Return a ledger with this content. Its figures are correct only within `rules`."""
        planned: dict[str, list[Exclusion]] = {}
        for product, plan in self.planned:
            planned.setdefault(product, []).append(plan)
        return self.recorded.ledger(portfolio_of(self.terms, self.time_zone, planned))


def _zone(row: Mapping[str, Any]) -> tuple[str, bytes]:
    return str(row["zone"]), base64.b64decode(row["tzif"], validate=True)


def _holiday(row: Mapping[str, Any]) -> Holiday:
    return str(row["where"]), int(row["year"]), dt.date.fromisoformat(row["date"]), str(row["name"])


def lines_of(files: Mapping[str, bytes], name: str, read: Callable[[Mapping[str, Any]], T]) -> list[T]:
    """Return the parsed lines of a file.

    Raises:
        UnusableBundleError: the file is missing, or a line is invalid.
    """
    if name not in files:
        raise UnusableBundleError(f"{name}: the file is missing")
    parsed_lines = []
    for number, line in enumerate(files[name].splitlines(), 1):
        try:
            parsed_lines.append(read(json.loads(line)))
        except (
            ValueError,
            KeyError,
            TypeError,
            AttributeError,
            ArithmeticError,
            RecursionError,
            binascii.Error,
        ) as error:
            raise UnusableBundleError(f"{name}, line {number}: cannot be read ({_short_text(error)})") from None
    return parsed_lines


def _short_text(error: Exception) -> str:
    text = " ".join(str(error).split())[:120]
    return f"no {text}" if isinstance(error, KeyError) else text
