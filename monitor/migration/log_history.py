"""Read the history of checks from files of probe results: CSV or JSON lines, as `ninewatch measure` reads them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from monitor.measuring.column_names import BAD, GOOD
from monitor.measuring.log_file import open_sources
from monitor.measuring.record import RANK_BITS, Record
from monitor.migration.imported_history import Result, SourceHistory

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import tzinfo
    from pathlib import Path


def log_histories(
    paths: Sequence[Path], names: Mapping[str, str], zone: tzinfo
) -> tuple[dict[str, SourceHistory], list[str]]:
    """Return the history of each check by `product/check`, and the names in the files that are not in `names`.

    `names` maps names in the files to checks; the empty name is that of files without a column of names. Unknown
    outcomes are not used. Times without an offset are in the zone.

    Raises:
        NinewatchError: a file or line cannot be read.
    """
    record = Record(zone)
    with open_sources([str(path) for path in paths]) as sources:
        record.read(sources)
    histories: dict[str, SourceHistory] = {}
    unused = set[str]()
    for stream, observations in record.streams().items():
        if stream.check not in names:
            unused.add(stream.check)
            continue
        history = histories.setdefault(names[stream.check], SourceHistory())
        for number in sorted(observations):
            at, rank = number >> RANK_BITS, number & ((1 << RANK_BITS) - 1)
            if rank in (GOOD, BAD):
                history.results.append(Result(at, rank == GOOD))
    return histories, sorted(unused)
