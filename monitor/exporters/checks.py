"""Cached metric lines of one check. Without a new probe since the last scrape, nothing is recomputed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from monitor.exporters.exposition import series
from monitor.exporters.families import CHECK_FAMILIES
from monitor.ledger.degraded import degraded_cause
from monitor.probe_result import PHASES
from sla.observation import Outcome

if TYPE_CHECKING:
    from collections.abc import Mapping

    from monitor.exporters.confirmed import Confirmed
    from monitor.health import Health
    from monitor.ledger.check_entry import CheckEntry
    from monitor.ledger.degraded import DegradedCause
    from monitor.probe_result import Observed
    from sla.incident import IncidentTracker
    from sla.timeline import Timeline

*_PROBE_FAMILIES, _PROBES, _UP, _UNKNOWN, _SLOW_PROBES, _OUTAGE, _OBSERVATIONS = CHECK_FAMILIES
_PHASE_DURATION = _PROBE_FAMILIES[2]
_NEVER_ENDS = 1 << 62
_NO_PROBE = ("",) * 5  # texts if there is no last probe, or its outcome is unknown
_FLAG = {True: "1\n", False: "0\n"}


class CheckLines:
    """Samples of one check, one text per family of CHECK_FAMILIES (empty without a sample).

    `product` is the id of its product. `version` is the number of changes of `texts`.
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
        "_probe_counts",
        "_recorded_counts",
        "_state_texts",
        "_state_version",
        "_valid_until",
        "product",
        "texts",
        "up",
        "version",
    )

    def __init__(self, entry: CheckEntry, health: Health, confirmed: Confirmed[str]) -> None:
        self._entry = entry
        self._health, self._confirmed = health, confirmed
        self._observed = ""
        self._state_version = -1
        self._state_texts: tuple[tuple[object, ...], tuple[str, ...]] = ((), ())
        self._valid_until = 0
        self._contradictions = 0
        self._degraded: DegradedCause | None = None
        self.up: bool | None = None
        self.version = 0
        self.product = entry.product.id
        names = {"product": entry.product.id, "check": entry.check.id}
        self._last_probe = _LastProbe(names | {"kind": entry.check.kind})
        self._prefixes = tuple(series(family.name, **names) for family in (_UP, _UNKNOWN, _SLOW_PROBES, _OUTAGE))
        self._probe_counts, self._recorded_counts = (_Counts(family.name, names) for family in (_PROBES, _OBSERVATIONS))
        self.texts: tuple[str, ...] = ("",) * len(CHECK_FAMILIES)

    @property
    def incident_state(self) -> tuple[IncidentTracker, Timeline]:
        """The incident tracker and timeline of the check, which determine whether it is in an outage."""
        return self._entry.tracker, self._entry.timeline

    def refresh(self, now: int) -> bool:
        """Update the texts to the instant `now`, and return whether the check's state is the same as before.

        The last result is published until the hold of the check ends.
        """
        entry = self._entry
        if self._state_version == entry.version and now <= self._valid_until:
            if self._observed is not self._confirmed.value:
                self._set((*self.texts[:-1], self._confirm()))
            return True
        self._state_version = entry.version
        up, self._valid_until = self._state(now)
        good, bad, unknown = entry.totals.values()
        contradictions = bad + unknown if up else good + (bad if up is None else unknown)
        degraded = degraded_cause(entry)
        steady = up is self.up and contradictions == self._contradictions and degraded is self._degraded
        self.up, self._contradictions, self._degraded = up, contradictions, degraded
        last_probe = _NO_PROBE if up is None else self._last_probe.texts(entry.last)
        self._observed = self._recorded_counts.text(*entry.timeline.totals)
        self._set((*last_probe, self._probe_counts.text(good, bad, unknown), *self._states(up), self._confirm()))
        return steady

    def _set(self, texts: tuple[str, ...]) -> None:
        self.texts = texts
        self.version += 1

    def _confirm(self) -> str:
        return self._confirmed.offer(self._observed, self._health) or ""

    def _states(self, up: bool | None) -> tuple[str, ...]:
        """Return the lines of state, unknown state, slow probes and outage, formatted again only if they changed."""
        entry = self._entry
        slow = None if entry.check.slow_after is None else entry.slow
        open_ = entry.tracker.open is not None
        outage = open_ if open_ or entry.timeline.last_known is not None else None
        values = (up, slow, outage)
        if values != self._state_texts[0]:
            self._state_texts = values, self._format_states(up, slow, outage)
        return self._state_texts[1]

    def _format_states(self, up: bool | None, slow: int | None, outage: bool | None) -> tuple[str, ...]:
        up_prefix, unknown_prefix, slow_prefix, outage_prefix = self._prefixes
        return (
            "" if up is None else up_prefix + _FLAG[up],
            unknown_prefix + _FLAG[up is None],
            "" if slow is None else f"{slow_prefix}{slow}\n",
            "" if outage is None else outage_prefix + _FLAG[outage],
        )

    def _state(self, now: int) -> tuple[bool | None, int]:
        """Return whether the check is up (None: unknown), and the instant at which this ends without a new probe."""
        last_known = None if self._entry.paused else self._entry.timeline.last_known
        if last_known is None or now > last_known[0] + self._entry.hold:
            return None, _NEVER_ENDS
        return last_known[1] is Outcome.GOOD, last_known[0] + self._entry.hold


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
        if last is None or last.result.outcome is Outcome.UNKNOWN:
            return _NO_PROBE
        result = last.result
        if result.status != self._status or result.certificate_expiry != self._expiry:
            self._fix(result.status, result.certificate_expiry)
        phases, status_and_expiry = result.phases, self._fixed_texts
        return (
            self._success[result.outcome is Outcome.GOOD],
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


class _Counts:
    """The lines of a family with a count per outcome. Usually only the count of good probes has changed."""

    __slots__ = ("_bad", "_good", "_prefixes", "_rest", "_unknown")

    def __init__(self, name: str, labels: dict[str, str]) -> None:
        self._good, *self._prefixes = [series(name, **labels, outcome=outcome.value) for outcome in Outcome]
        self._bad, self._unknown = -1, -1
        self._rest = ""  # the lines of the other outcomes

    def text(self, good: int, bad: int, unknown: int) -> str:
        """Return the 3 lines."""
        if bad != self._bad or unknown != self._unknown:
            self._bad, self._unknown = bad, unknown
            bad_prefix, unknown_prefix = self._prefixes
            self._rest = f"\n{bad_prefix}{bad}\n{unknown_prefix}{unknown}\n"
        return f"{self._good}{good}{self._rest}"
