"""Everything that is recorded of one check, whether or not the configuration has the check now."""

from __future__ import annotations

from typing import TYPE_CHECKING

from monitor.ledger.open_run import Folding
from monitor.probe_result import VANTAGE
from sla.incident import IncidentTracker, Phase
from sla.observation import Outcome, Run
from sla.timeline import Timeline

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from sla.incident import Incident
    from sla.observation import Observation


class CheckHistory:
    """The timeline of one check, its growing run and its incident tracker.

    `key` is `product/check`. `version` rises with every observation: what was rendered at the same version is still
    true, but for the passage of time. `seeded_until` is the end of made-up history, None where there is none.
    """

    __slots__ = ("folding", "key", "seeded_until", "timeline", "tracker", "version")

    def __init__(self, key: str, hold: int = 0) -> None:
        self.key = key
        self.timeline = Timeline(hold)
        self.folding: Folding | None = None
        self.version = 0
        self.seeded_until: int | None = None
        self.tracker = IncidentTracker(key, key.partition("/")[0], history=self.timeline)

    def continue_from(self, other: CheckHistory) -> None:
        """Take over the history of the same key. The other one must not be used any more."""
        self.timeline, self.folding, self.tracker = other.timeline, other.folding, other.tracker
        self.version, self.seeded_until = other.version + 1, other.seeded_until

    def observe(self, seen: Observation) -> tuple[Run, ...]:
        """Add an observation to timeline and run; return the runs that it ended and began, mostly none.

        Raises:
            ValueError: it is not later than the last one; nothing changed.
        """
        folding, hold = self.folding, self.timeline.hold
        continues = folding is not None and folding.takes(seen, hold)
        self.timeline.append(seen.at, seen.outcome, continues=continues)
        self.version += 1
        if folding is None:
            self.folding = Folding(Run.of(seen, hold))
            return (self.folding.run(),)
        ended = folding.add(seen, hold)
        return () if ended is None else (ended, folding.run())

    def growing(self) -> tuple[Run, ...]:
        """Return the run that is still growing, as it stands; nothing before the first observation."""
        return () if self.folding is None else (self.folding.run(),)

    def runs(self) -> list[Run]:
        """Return all of the history as runs; of those that ended, reasons and latencies are not kept in memory."""
        return [*self.timeline.runs(self.key)[: -1 if self.folding else None], *self.growing()]

    def restore_runs(self, runs: Sequence[Run]) -> None:
        """Take in the recorded runs in order, each under the hold that it was recorded with."""
        for run in runs:
            self.timeline.hold = run.hold
            self.timeline.append_run(run)
            if run.seeded:
                self.seeded_until = run.last
        for run in _last_streak(runs):
            self.tracker.step_run(run)
        self.folding = Folding(runs[-1])
        self.version += 1

    def restore_incident(self, ongoing: Incident | None) -> None:
        """Continue the incident that was decided and recorded, or none.

        The record decides, not what the runs would give under the thresholds of today: an incident that was announced
        goes on until it is seen to recover, and one that was not is opened, and announced, by the next bad observation.
        """
        failing = self.tracker.phase in (Phase.DOWN, Phase.FAILING)
        self.tracker.open = ongoing
        if ongoing is None:
            self.tracker.phase = Phase.FAILING if failing else Phase.CLEAR
        else:
            self.tracker.phase = Phase.DOWN if failing else Phase.RECOVERING

    def may_last(self, incident: Incident, at: int) -> bool:
        """Return whether the check's incident is resolved or may still go on after the instant, as far as is known.

        One that is open although the check is no longer probed ends when the last known observation expires.
        """
        expires = self.timeline.expires
        return incident.resolved is not None or expires is None or expires > at


def _last_streak(runs: Sequence[Run]) -> Sequence[Run]:
    """Return the runs since the last known outcome changed: all that the next decision can depend on."""
    said: Outcome | None = None
    for i, run in enumerate(reversed(runs)):
        if run.outcome is not Outcome.UNKNOWN:
            if said is not None and run.outcome is not said:
                return runs[len(runs) - i :]
            said = run.outcome
    return runs


def fold_tail(tail: Iterable[Observation], history_of: Callable[[str], CheckHistory]) -> list[Run]:
    """Add what was observed after each check's last recorded run; return the runs that it was folded into.

    Only what the local vantage observed, which is the one that check histories hold.
    """
    folded: dict[tuple[str, int], Run] = {}
    for seen in tail:
        if seen.vantage != VANTAGE:
            continue
        history = history_of(seen.check)
        if history.folding is not None and seen.at <= history.folding.last:
            continue  # of a former key, from the time of the present one
        ended = history.observe(seen)
        history.tracker.step(seen)
        folded |= {(run.check, run.first): run for run in (*ended, *history.growing())}
    return list(folded.values())
