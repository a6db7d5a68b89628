"""Metric lines of one check, cached: a check without a probe since the last scrape costs next to nothing."""

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
_INDEX = {True: 0, False: 1, None: 2}  # of the outcome that agrees with the state, in the order of Outcome
_NOTHING = ("",) * 5  # the samples of a last probe that there is none of, or that learned nothing
_FLAG = {True: "1\n", False: "0\n"}


class CheckLines:
    """Samples of one check, one text per family of FAMILIES (empty without a sample).

    `steady` is true if neither the last refresh nor a probe since then changed the check.
    """

    __slots__ = (
        "_confirmed",
        "_contrary",
        "_counted",
        "_entry",
        "_health",
        "_observed",
        "_on_record",
        "_phases",
        "_plain",
        "_timed",
        "_until",
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
        self._until = 0
        self._contrary = 0
        self.up: bool | None = None
        self.steady = False
        names = {"product": entry.product.id, "check": entry.check.id}
        labels = names | {"kind": entry.check.kind}
        self._plain = tuple(series(family.name, **labels) for family in FAMILIES[:5])
        self._plain += ("", *(series(family.name, **names) for family in FAMILIES[6:]))
        self._phases = {phase: series(FAMILIES[2].name, **labels, phase=phase) for phase in PHASES}
        self._timed: tuple[tuple[str, ...], str] = ((), "")  # phases of the last probe, and the format of their lines
        self._counted, self._on_record = (_counts(FAMILIES[family].name, names) for family in (5, 10))
        self.texts: tuple[str, ...] = ("",) * len(FAMILIES)

    @property
    def standing(self) -> tuple[IncidentTracker, Timeline]:
        """The standing of the check, which decides whether it is in an outage."""
        return self._entry.tracker, self._entry.timeline

    def refresh(self, now: int) -> None:
        """Update the texts to the instant. The last result is published until the check's hold is over."""
        entry = self._entry
        if self._version == entry.version and now <= self._until:
            self.steady = True
            if self._observed is not self._confirmed.value:
                self.texts = (*self.texts[:-1], self._confirm())
            return
        self._version = entry.version
        up, self._until = self._standing(now)
        counts = tuple(entry.totals.values())
        contrary = sum(counts) - counts[_INDEX[up]]
        self.steady = up is self.up and contrary == self._contrary
        self.up, self._contrary = up, contrary
        seen = _NOTHING if up is None else self._last_probe(entry.last)
        up_text = "" if up is None else self._plain[6] + _FLAG[up]
        slow = f"{self._plain[8]}{entry.slow}\n" if entry.check.slow_after is not None else ""
        self._observed = self._on_record % entry.timeline.totals
        unknown = self._plain[7] + _FLAG[up is None]
        self.texts = (*seen, self._counted % counts, up_text, unknown, slow, self._outage(), self._confirm())

    def _confirm(self) -> str:
        return self._confirmed.offer(self._observed, self._health) or ""

    def _outage(self) -> str:
        open_ = self._entry.tracker.open is not None
        return self._plain[9] + _FLAG[open_] if open_ or self._entry.timeline.last_known is not None else ""

    def _standing(self, now: int) -> tuple[bool | None, int]:
        """Return whether the check is up (None: unknown), and until when that is valid without a new probe."""
        known = self._entry.timeline.last_known
        if known is None or now > known[0] + self._entry.hold:
            return None, _FOREVER
        return known[1] is Outcome.GOOD, known[0] + self._entry.hold

    def _last_probe(self, last: Observed | None) -> tuple[str, ...]:
        if last is None or last.result.outcome is Outcome.UNKNOWN:
            return _NOTHING
        success, duration, _, status, expiry, *_ = self._plain
        result = last.result
        return (
            success + _FLAG[result.outcome is Outcome.GOOD],
            f"{duration}{last.duration!r}\n",
            self._timings(result.phases),
            f"{status}{result.status}\n" if result.status is not None else "",
            f"{expiry}{result.certificate_expiry!r}\n" if result.certificate_expiry is not None else "",
        )

    def _timings(self, phases: Mapping[str, float]) -> str:
        names = tuple(phases)
        if self._timed[0] != names:
            self._timed = names, "".join([f"{self._phases[name]}%r\n" for name in names])
        return self._timed[1] % tuple(phases.values())


def _counts(name: str, labels: dict[str, str]) -> str:
    """Return the format of a family's lines with the counts of all three outcomes."""
    lines = [series(name, **labels, outcome=outcome.value).replace("%", "%%") for outcome in Outcome]
    return "%d\n".join([*lines, ""])
