"""Cached metric lines of one check. Without a new probe since the last scrape, nothing is recomputed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from monitor.exporters.exposition import series
from monitor.exporters.families import CHECK_FAMILIES
from monitor.probe_result import PHASES
from sla.observation import Outcome

if TYPE_CHECKING:
    from collections.abc import Mapping

    from monitor.exporters.confirmed import Confirmed
    from monitor.health import Health
    from monitor.ledger.check_entry import CheckEntry
    from monitor.probe_result import Observed
    from sla.incident import IncidentTracker
    from sla.timeline import Timeline

FAMILIES = CHECK_FAMILIES
_FOREVER = 1 << 62
_OUTCOME_INDEX = {True: 0, False: 1, None: 2}  # state (up) -> index of the corresponding outcome in Outcome
_NO_PROBE = ("",) * 5  # texts if there is no last probe, or its outcome is unknown
_FLAG = {True: "1\n", False: "0\n"}


class CheckLines:
    """Samples of one check, one text per family of FAMILIES (empty without a sample).

    `steady` is true if the check has not changed since the last refresh.
    """

    __slots__ = (
        "_confirmed",
        "_contradictions",
        "_entry",
        "_health",
        "_observed",
        "_phase_format",
        "_phases",
        "_prefixes",
        "_probe_counts",
        "_recorded_counts",
        "_valid_until",
        "_version",
        "steady",
        "texts",
        "up",
    )

    def __init__(self, entry: CheckEntry, health: Health, confirmed: Confirmed[str]) -> None:
        self._entry = entry
        self._health, self._confirmed = health, confirmed
        self._observed = ""
        self._version = -1
        self._valid_until = 0
        self._contradictions = 0
        self.up: bool | None = None
        self.steady = False
        names = {"product": entry.product.id, "check": entry.check.id}
        labels = names | {"kind": entry.check.kind}
        self._prefixes = tuple(series(family.name, **labels) for family in FAMILIES[:5])
        self._prefixes += ("", *(series(family.name, **names) for family in FAMILIES[6:]))
        self._phases = {phase: series(FAMILIES[2].name, **labels, phase=phase) for phase in PHASES}
        self._phase_format: tuple[tuple[str, ...], str] = (
            (),
            "",
        )  # phases of the last probe, and the format string of their lines
        self._probe_counts, self._recorded_counts = (_counts(FAMILIES[family].name, names) for family in (5, 10))
        self.texts: tuple[str, ...] = ("",) * len(FAMILIES)

    @property
    def incident_state(self) -> tuple[IncidentTracker, Timeline]:
        """The incident tracker and timeline of the check, which determine whether it is in an outage."""
        return self._entry.tracker, self._entry.timeline

    def refresh(self, now: int) -> None:
        """Update the texts to the instant `now`. The last result is published until the hold of the check ends."""
        entry = self._entry
        if self._version == entry.version and now <= self._valid_until:
            self.steady = True
            if self._observed is not self._confirmed.value:
                self.texts = (*self.texts[:-1], self._confirm())
            return
        self._version = entry.version
        up, self._valid_until = self._state(now)
        counts = tuple(entry.totals.values())
        contradictions = sum(counts) - counts[_OUTCOME_INDEX[up]]
        self.steady = up is self.up and contradictions == self._contradictions
        self.up, self._contradictions = up, contradictions
        last_probe = _NO_PROBE if up is None else self._last_probe(entry.last)
        up_text = "" if up is None else self._prefixes[6] + _FLAG[up]
        slow = f"{self._prefixes[8]}{entry.slow}\n" if entry.check.slow_after is not None else ""
        self._observed = self._recorded_counts % entry.timeline.totals
        unknown = self._prefixes[7] + _FLAG[up is None]
        self.texts = (*last_probe, self._probe_counts % counts, up_text, unknown, slow, self._outage(), self._confirm())

    def _confirm(self) -> str:
        return self._confirmed.offer(self._observed, self._health) or ""

    def _outage(self) -> str:
        open_ = self._entry.tracker.open is not None
        return self._prefixes[9] + _FLAG[open_] if open_ or self._entry.timeline.last_known is not None else ""

    def _state(self, now: int) -> tuple[bool | None, int]:
        """Return whether the check is up (None: unknown), and the instant at which this ends without a new probe."""
        last_known = self._entry.timeline.last_known
        if last_known is None or now > last_known[0] + self._entry.hold:
            return None, _FOREVER
        return last_known[1] is Outcome.GOOD, last_known[0] + self._entry.hold

    def _last_probe(self, last: Observed | None) -> tuple[str, ...]:
        if last is None or last.result.outcome is Outcome.UNKNOWN:
            return _NO_PROBE
        success, duration, _, status, expiry, *_ = self._prefixes
        result = last.result
        return (
            success + _FLAG[result.outcome is Outcome.GOOD],
            f"{duration}{last.duration!r}\n",
            self._phase_lines(result.phases),
            f"{status}{result.status}\n" if result.status is not None else "",
            f"{expiry}{result.certificate_expiry!r}\n" if result.certificate_expiry is not None else "",
        )

    def _phase_lines(self, phases: Mapping[str, float]) -> str:
        names = tuple(phases)
        if self._phase_format[0] != names:
            self._phase_format = names, "".join([f"{self._phases[name]}%r\n" for name in names])
        return self._phase_format[1] % tuple(phases.values())


def _counts(name: str, labels: dict[str, str]) -> str:
    """Return the format string of a family's lines, with the counts of all 3 outcomes."""
    lines = [series(name, **labels, outcome=outcome.value).replace("%", "%%") for outcome in Outcome]
    return "%d\n".join([*lines, ""])
