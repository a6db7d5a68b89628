"""Cached metric lines of one check. Without a new probe since the last scrape, nothing is recomputed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from monitor.exporters.columns import Chunk
from monitor.exporters.exposition import series
from monitor.exporters.families import CHECK_FAMILIES
from monitor.ledger.degraded import degraded_cause
from monitor.probe_result import PHASES
from sla.observation import Outcome

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from monitor.exporters.confirmed import Confirmed
    from monitor.health import Health
    from monitor.ledger.check_entry import CheckEntry
    from monitor.ledger.degraded import DegradedCause
    from monitor.probe_result import Observed
    from sla.incident import IncidentTracker
    from sla.state_history import History
    from sla.votes import VoteTracker

*_PROBE_FAMILIES, _PROBES, _UP, _UNKNOWN, _SLOW_PROBES, _OUTAGE, _OBSERVATIONS = CHECK_FAMILIES
_PHASE_DURATION = _PROBE_FAMILIES[2]
_NEVER_ENDS = 1 << 62
_NO_PROBE = ("",) * 5  # texts if there is no last probe, or its outcome is unknown
OutcomeCounts = tuple[int, int, int]  # good, bad, unknown
_FLAG = {True: "1\n", False: "0\n"}
_GOOD, _OUTCOME_UNKNOWN = Outcome.GOOD, Outcome.UNKNOWN  # reading a member of an enumeration takes longer


class CheckLines:
    """Samples of one check, one text per family of CHECK_FAMILIES (empty without a sample), except counts by outcome.

    `probe_counts` are those of this process, `recorded_counts` those on record (None before they are on disk).
    `product` is the id of its product. `version` is the number of changes of texts and counts.
    """

    __slots__ = (
        "_confirmed",
        "_contradictions",
        "_degraded",
        "_entry",
        "_health",
        "_last_probe",
        "_observed",
        "_prefixes",
        "_state_texts",
        "_state_values",
        "_state_version",
        "_valid_until",
        "probe_counts",
        "product",
        "recorded_counts",
        "texts",
        "up",
        "version",
    )

    def __init__(self, entry: CheckEntry, health: Health, confirmed: Confirmed[OutcomeCounts]) -> None:
        self._entry = entry
        self._health, self._confirmed = health, confirmed
        self._observed: OutcomeCounts = (0, 0, 0)
        self._state_version = -1
        self._state_values: tuple[object, ...] = ()
        self._state_texts: tuple[str, ...] = ()
        self._valid_until = 0
        self._contradictions = 0
        self._degraded: DegradedCause | None = None
        self.up: bool | None = None
        self.version = 0
        self.product = entry.product.id
        names = {"product": entry.product.id, "check": entry.check.id}
        self._last_probe = _LastProbe(names | {"kind": entry.check.kind})
        self._prefixes = tuple(series(family.name, **names) for family in (_UP, _UNKNOWN, _SLOW_PROBES, _OUTAGE))
        self.texts: tuple[str, ...] = ("",) * (len(CHECK_FAMILIES) - 2)
        self.probe_counts: OutcomeCounts | None = None
        self.recorded_counts: OutcomeCounts | None = None

    @property
    def incident_state(self) -> tuple[IncidentTracker | VoteTracker, History]:
        """The incident tracker and states of the check, which determine whether it is in an outage."""
        return self._entry.incident_tracker, self._entry.states

    def refresh(self, now: int) -> bool:
        """Update the texts to the instant `now`, and return whether the check's state is the same as before.

        The last result is published until the hold of the check ends.
        """
        entry = self._entry
        if self._state_version == entry.version and now <= self._valid_until:
            if self._observed is not self._confirmed.value:
                self._publish(self._observed)
            return True
        self._state_version = entry.version
        up = self._state(now)
        good, bad, unknown = entry.totals.values()
        contradictions = bad + unknown if up else good + (bad if up is None else unknown)
        degraded = degraded_cause(entry)
        steady = up is self.up and contradictions == self._contradictions and degraded is self._degraded
        self.up, self._contradictions, self._degraded = up, contradictions, degraded
        success, duration, phases, status, expiry = _NO_PROBE if up is None else self._last_probe.texts(entry.last)
        self.texts = (success, duration, phases, status, expiry, *self._states(up))
        self.probe_counts = good, bad, unknown
        self._observed = observed = entry.timeline.total_counts
        self._publish(observed)
        return steady

    def _publish(self, observed: OutcomeCounts) -> None:
        self.recorded_counts = self._confirmed.offer(observed, self._health)
        self.version += 1

    def outcome_series(self, name: str) -> list[str]:
        """Return the series of a family with a count per outcome."""
        entry = self._entry
        return [series(name, product=self.product, check=entry.check.id, outcome=outcome.value) for outcome in Outcome]

    def _states(self, up: bool | None) -> tuple[str, ...]:
        """Return the lines of state, unknown state, slow probes and outage, formatted again only if they changed."""
        entry = self._entry
        slow = None if entry.check.slow_after is None else entry.slow
        open_ = entry.incident_tracker.open is not None
        outage = open_ if open_ or entry.states.last_known_at is not None else None
        values = (up, slow, outage)
        if values != self._state_values:
            self._state_values, self._state_texts = values, self._format_states(up, slow, outage)
        return self._state_texts

    def _format_states(self, up: bool | None, slow: int | None, outage: bool | None) -> tuple[str, ...]:
        up_prefix, unknown_prefix, slow_prefix, outage_prefix = self._prefixes
        return (
            "" if up is None else up_prefix + _FLAG[up],
            unknown_prefix + _FLAG[up is None],
            "" if slow is None else f"{slow_prefix}{slow}\n",
            "" if outage is None else outage_prefix + _FLAG[outage],
        )

    def _state(self, now: int) -> bool | None:
        """Return whether the check is up (None: unknown). Set the instant at which this ends without a new probe."""
        entry = self._entry
        last_known = None if entry.paused else entry.timeline.last_known
        if last_known is not None:
            at, outcome = last_known
            self._valid_until = valid_until = at + entry.hold
            if now <= valid_until:
                return outcome is _GOOD
        self._valid_until = _NEVER_ENDS
        return None


class _LastProbe:
    """The lines of the last probe. Status and expiry are formatted again only if they changed."""

    __slots__ = (
        "_duration",
        "_expiry",
        "_fixed_texts",
        "_phase_format",
        "_phase_names",
        "_phases",
        "_prefixes",
        "_status",
        "_success",
    )

    def __init__(self, labels: dict[str, str]) -> None:
        success, self._duration, _, *self._prefixes = (series(family.name, **labels) for family in _PROBE_FAMILIES)
        self._success = {good: success + flag for good, flag in _FLAG.items()}
        self._phases = {phase: series(_PHASE_DURATION.name, **labels, phase=phase) for phase in PHASES}
        self._phase_names: tuple[str, ...] = ()
        self._phase_format = ""  # of the lines of these phases
        self._status: int | None = None
        self._expiry: float | None = None
        self._fixed_texts = ("", "")

    def texts(self, last: Observed | None) -> tuple[str, ...]:
        """Return one text per family of the last probe."""
        if last is None or (outcome := (result := last.result).outcome) is _OUTCOME_UNKNOWN:
            return _NO_PROBE
        if result.status != self._status or result.certificate_expiry != self._expiry:
            self._fix(result.status, result.certificate_expiry)
        phases, status_and_expiry = result.phases, self._fixed_texts
        return (
            self._success[outcome is _GOOD],
            f"{self._duration}{last.duration!r}\n",
            self._phase_lines(phases) if phases else "",
            *status_and_expiry,
        )

    def _fix(self, status: int | None, expiry: float | None) -> None:
        self._status, self._expiry = status, expiry
        status_prefix, expiry_prefix = self._prefixes
        self._fixed_texts = (
            "" if status is None else f"{status_prefix}{status}\n",
            "" if expiry is None else f"{expiry_prefix}{expiry!r}\n",
        )

    def _phase_lines(self, phases: Mapping[str, float]) -> str:
        names = tuple(phases)
        if self._phase_names != names:
            self._phase_names, self._phase_format = names, "".join([f"{self._phases[name]}%r\n" for name in names])
        return self._phase_format % tuple(phases.values())


class CheckChunk(Chunk[CheckLines]):
    """The joined samples of some checks. Counts change with every probe, so they are not formatted check by check."""

    __slots__ = ("_probes", "_recorded")

    def __init__(self, rows: Sequence[CheckLines]) -> None:
        super().__init__(rows)
        self._probes, self._recorded = (
            _CountColumn([row.outcome_series(family.name) for row in rows]) for family in (_PROBES, _OBSERVATIONS)
        )

    def _joined(self) -> tuple[bytes, ...]:
        success, duration, phases, status, expiry, *states = super()._joined()
        probes = self._probes.text([row.probe_counts for row in self.rows]).encode()
        recorded = self._recorded.text([row.recorded_counts for row in self.rows]).encode()
        return success, duration, phases, status, expiry, probes, *states, recorded


class _CountColumn:
    """The samples of a family with a count per outcome, of some checks.

    Usually only counts of good probes have changed. The texts between them, which include the other counts, are kept.
    """

    __slots__ = ("_other_counts", "_parts", "_prefixes")

    def __init__(self, prefixes: Sequence[Sequence[str]]) -> None:
        self._prefixes = prefixes
        self._other_counts: list[tuple[int, int] | None] = []
        self._parts = [""]  # texts, alternating with counts of good probes

    def text(self, counts: Sequence[OutcomeCounts | None]) -> str:
        """Return 3 lines per check that has counts."""
        other_counts = [None if of_check is None else of_check[1:] for of_check in counts]
        if other_counts != self._other_counts:
            self._other_counts, self._parts = other_counts, self._texts_between(other_counts)
        self._parts[1::2] = [str(of_check[0]) for of_check in counts if of_check is not None]
        return "".join(self._parts)

    def _texts_between(self, other_counts: Iterable[tuple[int, int] | None]) -> list[str]:
        parts = [""]
        for prefixes, of_check in zip(self._prefixes, other_counts, strict=True):
            if of_check is not None:
                good, bad, unknown = prefixes
                parts[-1] += good
                parts += "", f"\n{bad}{of_check[0]}\n{unknown}{of_check[1]}\n"
        return parts
