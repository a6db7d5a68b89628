"""The lines of one check. They are cached: a check that was not probed since the last scrape costs next to nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from monitor.exporters.exposition import Family, series
from monitor.vocabulary import PHASES
from sla.observation import Outcome

if TYPE_CHECKING:
    from monitor.ledger import CheckEntry
    from monitor.vocabulary import Observed
    from sla.incident import IncidentTracker
    from sla.timeline import Timeline

# The first five carry blackbox_exporter's names and meaning, so that boards and rules written for it go on working. Of
# the certificates that a server sends, those that are no part of the verified chain do not count: nobody uses them.
FAMILIES = (
    Family("probe_success", "gauge", "1 if the last probe was good, 0 if bad; absent while we could not tell"),
    Family("probe_duration_seconds", "gauge", "Duration of the last probe", "seconds"),
    Family("probe_phase_duration_seconds", "gauge", "Duration of each phase of the last probe", "seconds"),
    Family("probe_http_status_code", "gauge", "Status of the last answer; absent where there was none"),
    Family("probe_ssl_earliest_cert_expiry", "gauge", "When the first certificate of the chain expires, Unix time"),
    Family("ninewatch_probes_total", "counter", "Probes since the start of the daemon, by outcome"),
    Family("ninewatch_check_up", "gauge", "1 if the check is up, 0 if down; absent while its state is unknown"),
    Family("ninewatch_check_unknown", "gauge", "1 while the state of the check is unknown"),
    Family("ninewatch_slow_probes_total", "counter", "Good probes that took longer than slow_after; absent without it"),
    Family(
        "ninewatch_check_outage",
        "gauge",
        "1 while the check has an open incident, also while it is unknown; absent before its first known state",
    ),
)
_FOREVER = 1 << 62
_SAYS = {True: Outcome.GOOD, False: Outcome.BAD, None: Outcome.UNKNOWN}


class CheckLines:
    """One check's samples, a text for each of FAMILIES (empty where there is no sample).

    `steady` tells whether the last refresh found the check as it was, and no probe since that said anything else.
    """

    __slots__ = (
        "_by_outcome",
        "_contrary",
        "_entry",
        "_phases",
        "_plain",
        "_until",
        "_version",
        "steady",
        "texts",
        "up",
    )

    def __init__(self, entry: CheckEntry) -> None:
        self._entry = entry
        self._version = -1
        self._until = 0
        self._contrary = 0
        self.up: bool | None = None
        self.steady = False
        names = {"product": entry.product.id, "check": entry.check.id}
        labels = names | {"kind": entry.check.kind}
        self._plain = tuple(series(family.name, **labels) for family in FAMILIES[:5])
        self._plain += ("", *(series(family.name, **names) for family in FAMILIES[6:]))
        self._phases = {phase: series(FAMILIES[2].name, **labels, phase=phase) for phase in PHASES}
        self._by_outcome = tuple((o, series(FAMILIES[5].name, **names, outcome=o.value)) for o in Outcome)
        self.texts: tuple[str, ...] = ("",) * len(FAMILIES)

    @property
    def standing(self) -> tuple[IncidentTracker, Timeline]:
        """What decides whether the check is in an outage."""
        return self._entry.tracker, self._entry.timeline

    def refresh(self, now: int) -> None:
        """Bring the texts up to the instant. What was last seen stands until the check's hold is over, then it goes."""
        entry = self._entry
        if self._version == entry.version and now <= self._until:
            self.steady = True
            return
        self._version = entry.version
        up, self._until = self._standing(now)
        contrary = sum([count for outcome, count in entry.totals.items() if outcome is not _SAYS[up]])
        self.steady = up is self.up and contrary == self._contrary
        self.up, self._contrary = up, contrary
        alive = up is not None
        seen = self._last_probe(entry.last) if alive else ("",) * 5
        up_text = f"{self._plain[6]}{up:d}\n" if up is not None else ""
        slow = f"{self._plain[8]}{entry.slow}\n" if entry.check.slow_after is not None else ""
        self.texts = (*seen, self._counts(), up_text, f"{self._plain[7]}{not alive:d}\n", slow, self._outage())

    def _outage(self) -> str:
        open_ = self._entry.tracker.open is not None
        return f"{self._plain[9]}{open_:d}\n" if open_ or self._entry.timeline.last_known is not None else ""

    def _standing(self, now: int) -> tuple[bool | None, int]:
        """Return whether the check is up (None: unknown), and until when that holds if no probe says otherwise."""
        known = self._entry.timeline.last_known
        if known is None or now > known[0] + self._entry.hold:
            return None, _FOREVER
        return known[1] is Outcome.GOOD, known[0] + self._entry.hold

    def _last_probe(self, last: Observed | None) -> tuple[str, ...]:
        if last is None or last.result.outcome is Outcome.UNKNOWN:
            return ("",) * 5
        success, duration, _, status, expiry, *_ = self._plain
        result, phases = last.result, self._phases
        return (
            f"{success}{int(result.outcome is Outcome.GOOD)}\n",
            f"{duration}{last.duration!r}\n",
            "".join([f"{phases[phase]}{spent!r}\n" for phase, spent in result.phases.items()]),
            f"{status}{result.status}\n" if result.status is not None else "",
            f"{expiry}{result.certificate_expiry!r}\n" if result.certificate_expiry is not None else "",
        )

    def _counts(self) -> str:
        totals = self._entry.totals
        return "".join([f"{line}{totals[outcome]}\n" for outcome, line in self._by_outcome])
