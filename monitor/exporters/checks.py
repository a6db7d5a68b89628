"""Cached metric lines of one check, recomputed only after a new probe."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from monitor.exporters.exposition import series
from monitor.exporters.families import CHECK_FAMILIES
from monitor.ledger.degraded import degraded_cause
from sla.observation import Outcome

if TYPE_CHECKING:
    from collections.abc import Mapping

    from monitor.exporters.confirmed import Confirmed
    from monitor.exporters.exposition import Family
    from monitor.health import Health
    from monitor.ledger.check_entry import CheckEntry
    from monitor.ledger.degraded import DegradedCause
    from sla.incident import IncidentTracker
    from sla.state_history import History
    from sla.votes import VoteTracker

_SUCCESS, DURATION, PHASE_DURATION, _STATUS, _EXPIRY, PROBES, *_STATE_FAMILIES, OBSERVATIONS = CHECK_FAMILIES
_STEADY_FAMILIES: Final = (_SUCCESS, _STATUS, _EXPIRY, *_STATE_FAMILIES)  # their values rarely change
_NEVER_ENDS = 1 << 62
_NO_PHASES: Mapping[str, float] = {}
_NO_PROBE: tuple[bool | None, int | None, float | None] = (None, None, None)  # success, status, expiry
OutcomeCounts = tuple[int, int, int]  # good, bad, unknown
_FLAG = {True: "1\n", False: "0\n"}
_GOOD, _OUTCOME_UNKNOWN = (
    Outcome.GOOD,
    Outcome.UNKNOWN,
)  # constants, because reading a member of an enumeration is slower


class CheckLines:
    """Samples of one check. `texts` has the rarely changing ones, one text per family (empty without a sample).

    `duration` and `phases` are those of the last probe; None and empty if there is none or its outcome is unknown.
    `probe_counts` are those of this process, `recorded_counts` those on record (None before they are on disk).
    `product` is the product's id. `version` counts the changes of all these.
    """

    __slots__ = (
        "_confirmed",
        "_contradictions",
        "_degraded",
        "_entry",
        "_health",
        "_observed",
        "_prefixes",
        "_state_version",
        "_text_values",
        "_valid_until",
        "duration",
        "phases",
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
        self._text_values: tuple[object, ...] = ()
        self._valid_until = 0
        self._contradictions = 0
        self._degraded: DegradedCause | None = None
        self.up: bool | None = None
        self.version = 0
        self.product = entry.product.id
        self._prefixes = tuple(map(self.series, _STEADY_FAMILIES))
        self.texts: tuple[str, ...] = ("",) * len(_STEADY_FAMILIES)
        self.duration: float | None = None
        self.phases = _NO_PHASES
        self.probe_counts: OutcomeCounts | None = None
        self.recorded_counts: OutcomeCounts | None = None

    @property
    def incident_state(self) -> tuple[IncidentTracker | VoteTracker, History]:
        """The check's incident tracker and history, which determine whether it is in an outage."""
        return self._entry.incident_tracker, self._entry.states

    def refresh(self, now: int) -> bool:
        """Update the samples to the instant `now`, and return whether the check's state is the same as before.

        The last result is published until the hold of the check ends.
        """
        entry = self._entry
        if self._state_version == entry.version and now <= self._valid_until:
            if self._observed is not self._confirmed.value:
                self._publish(self._observed)
            return True
        self._state_version = entry.version
        up = self._state(now)
        self._set_texts(up)
        good, bad, unknown = entry.totals.values()
        contradictions = bad + unknown if up else good + (bad if up is None else unknown)
        degraded = degraded_cause(entry)
        steady = up is self.up and contradictions == self._contradictions and degraded is self._degraded
        self.up, self._contradictions, self._degraded = up, contradictions, degraded
        self.probe_counts = good, bad, unknown
        self._observed = observed = entry.timeline.total_counts()
        self._publish(observed)
        return steady

    def _publish(self, observed: OutcomeCounts) -> None:
        self.recorded_counts = self._confirmed.offer(observed, self._health)
        self.version += 1

    def series(self, family: Family, **further_labels: str) -> str:
        """Return the start of the check's sample line of a family, with further labels."""
        check, product = self._entry.check, self.product
        labels = {"product": product, "check": check.id, "kind": check.kind} | further_labels
        return series(family.name, **{name: labels[name] for name in family.labels.split()})

    def _set_texts(self, up: bool | None) -> None:
        """Set duration and phases of the last probe, and the texts that changed."""
        entry = self._entry
        probe = _NO_PROBE
        last = None if up is None else entry.last
        if last is None or (outcome := (result := last.result).outcome) is _OUTCOME_UNKNOWN:
            self.duration, self.phases = None, _NO_PHASES
        else:
            self.duration, self.phases = last.duration, result.phases
            probe = outcome is _GOOD, result.status, result.certificate_expiry
        votes, states = entry.votes, entry.states
        open_ = (entry.tracker if votes is None else votes).open is not None
        # A check that is up or down has a known observation. This is faster than reading a property of its history.
        is_known = (up is not None and states is entry.timeline) or states.last_known_at is not None
        outage = open_ if open_ or is_known else None
        slow = None if entry.check.slow_after is None else entry.slow
        values = *probe, up, slow, outage
        if values != self._text_values:
            self._text_values = values
            self.texts = tuple(map(_text, self._prefixes, (*probe, up, up is None, slow, outage)))

    def _state(self, now: int) -> bool | None:
        """Return whether the check is up (None: unknown), and store until when this holds without a new probe."""
        entry = self._entry
        last_known = None if entry.paused else entry.timeline.last_known
        if last_known is not None:
            at, outcome = last_known
            self._valid_until = valid_until = at + entry.hold
            if now <= valid_until:
                return outcome is _GOOD
        self._valid_until = _NEVER_ENDS
        return None


def _text(prefix: str, value: float | None) -> str:
    """Return a sample line, empty without a value. A flag is 1 or 0."""
    if value is None:
        return ""
    return prefix + (_FLAG[value] if isinstance(value, bool) else f"{value}\n")
