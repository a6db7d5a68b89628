"""Join the samples of a chunk of checks. Values that change with every probe are joined in bulk."""

from __future__ import annotations

from itertools import chain, compress
from typing import TYPE_CHECKING, Generic, TypeVar

from monitor.exporters.checks import DURATION, OBSERVATIONS, PHASE_DURATION, PROBES, CheckLines
from monitor.exporters.columns import Chunk
from monitor.probe_result import PHASES
from sla.observation import Outcome

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from monitor.exporters.checks import OutcomeCounts
    from monitor.exporters.exposition import Family

K = TypeVar("K")


class CheckChunk(Chunk[CheckLines]):
    """The joined samples of a chunk of checks. Rarely changing texts are joined again only after a change."""

    __slots__ = ("_durations", "_phases", "_probes", "_recorded", "_steady", "_texts")

    def __init__(self, rows: Sequence[CheckLines]) -> None:
        super().__init__(rows)
        self._texts: list[tuple[str, ...]] = []
        self._steady: tuple[bytes, ...] = ()
        self._probes, self._recorded = (_CountColumn(rows, family) for family in (PROBES, OBSERVATIONS))
        durations = [row.series(DURATION) for row in rows]
        phases = [{phase: row.series(PHASE_DURATION, phase=phase) for phase in PHASES} for row in rows]
        self._durations = _ValueColumn[bool](lambda present: _lines(compress(durations, present)))
        self._phases = _ValueColumn[tuple[str, ...]](
            lambda names: _lines(row[name] for row, of_row in zip(phases, names, strict=True) for name in of_row)
        )

    def _joined(self) -> tuple[bytes, ...]:
        rows = self.rows
        texts = [row.texts for row in rows]
        if texts != self._texts:
            self._texts, self._steady = texts, super()._joined()
        success, status, expiry, *states = self._steady
        durations, phases = [row.duration for row in rows], [row.phases for row in rows]
        known = [value is not None for value in durations]
        duration = self._durations.joined(known, list(map(repr, compress(durations, known))))
        values = map(repr, chain.from_iterable([of_row.values() for of_row in phases]))
        phase = self._phases.joined(list(map(tuple, phases)), list(values))
        probes = self._probes.joined_counts([row.probe_counts for row in rows])
        recorded = self._recorded.joined_counts([row.recorded_counts for row in rows])
        return success, duration, phase, status, expiry, probes, *states, recorded


class _ValueColumn(Generic[K]):
    """The samples of a chunk of checks for a family whose values change with every probe.

    The texts between the values are cached until a key changes. Keys, one per check, determine which samples exist.
    """

    __slots__ = ("_keys", "_parts", "_texts_between")

    def __init__(self, texts_between: Callable[[Sequence[K]], Iterable[str]]) -> None:
        self._texts_between = texts_between
        self._keys: list[K] | None = None
        self._parts: list[str] = []  # alternately a text and a value

    def joined(self, keys: list[K], values: list[str]) -> bytes:
        """Return the samples with these values."""
        if keys != self._keys:
            self._keys, self._parts = keys, [part for text in self._texts_between(keys) for part in (text, "")][:-1]
        self._parts[1::2] = values
        return "".join(self._parts).encode()


class _CountColumn(_ValueColumn["tuple[int, int] | None"]):
    """The samples of a family with a count per outcome. Usually only the count of good probes changes.

    The keys are the other counts, None for a check without counts.
    """

    __slots__ = ("_prefixes",)

    def __init__(self, rows: Sequence[CheckLines], family: Family) -> None:
        super().__init__(self._lines_of_counts)
        self._prefixes = [[row.series(family, outcome=outcome.value) for outcome in Outcome] for row in rows]

    def joined_counts(self, counts: Sequence[OutcomeCounts | None]) -> bytes:
        """Return 3 lines per check that has counts."""
        other_counts = [None if of_check is None else of_check[1:] for of_check in counts]
        return self.joined(other_counts, [str(of_check[0]) for of_check in counts if of_check is not None])

    def _lines_of_counts(self, other_counts: Sequence[tuple[int, int] | None]) -> Iterator[str]:
        end = ""
        for (good, bad, unknown), of_check in zip(self._prefixes, other_counts, strict=True):
            if of_check is not None:
                yield end + good
                end = f"\n{bad}{of_check[0]}\n{unknown}{of_check[1]}\n"
        yield end


def _lines(prefixes: Iterable[str]) -> Iterator[str]:
    """Yield the texts around the values of sample lines with these prefixes."""
    end = ""
    for prefix in prefixes:
        yield end + prefix
        end = "\n"
    yield end
