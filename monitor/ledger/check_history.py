"""The recorded history of one check, whether or not the check is configured."""

from __future__ import annotations

from typing import TYPE_CHECKING

from monitor.ledger.open_run import OpenRun
from monitor.probe_result import VANTAGE
from sla.incident import IncidentTracker, Phase
from sla.observation import Outcome, Run
from sla.timeline import Timeline

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from sla.incident import Incident
    from sla.observation import Observation


class CheckHistory:
    """The timeline of one check, its open run and its incident tracker.

    `key` is `product/check`. `version` rises with every observation: output rendered at the same version changes only
    with time. `seeded_until` is the end of synthetic history, None without any.
    """

    __slots__ = ("key", "open_run", "seeded_until", "timeline", "tracker", "version")

    def __init__(self, key: str, hold: int = 0) -> None:
        self.key = key
        self.timeline = Timeline(hold)
        self.open_run: OpenRun | None = None
        self.version = 0
        self.seeded_until: int | None = None
        self.tracker = IncidentTracker(key, key.partition("/")[0], history=self.timeline)

    def continue_from(self, other: CheckHistory) -> None:
        """Take over the history of the same key; `other` must not be used afterwards."""
        self.timeline, self.open_run, self.tracker = other.timeline, other.open_run, other.tracker
        self.version, self.seeded_until = other.version + 1, other.seeded_until

    def observe(self, seen: Observation) -> tuple[Run, ...]:
        """Add an observation to timeline and run; return the runs that it ended and began, usually none.

        Raises:
            ValueError: it is not later than the last one; nothing changed.
        """
        open_run, hold = self.open_run, self.timeline.hold
        continues = open_run is not None and open_run.accepts(seen, hold)
        self.timeline.append(seen.at, seen.outcome, continues=continues)
        self.version += 1
        if open_run is None:
            self.open_run = OpenRun(Run.of(seen, hold))
            return (self.open_run.run(),)
        ended = open_run.add(seen, hold)
        return () if ended is None else (ended, open_run.run())

    def open_runs(self) -> tuple[Run, ...]:
        """Return the open run so far; nothing before the first observation."""
        return () if self.open_run is None else (self.open_run.run(),)

    def runs(self) -> list[Run]:
        """Return the whole history as runs; reasons and latencies of ended runs are not kept in memory."""
        return [*self.timeline.runs(self.key)[: -1 if self.open_run else None], *self.open_runs()]

    def restore_runs(self, runs: Sequence[Run]) -> None:
        """Load the recorded runs in order, each with the hold that it was recorded with."""
        for run in runs:
            self.timeline.hold = run.hold
            self.timeline.append_run(run)
            if run.seeded:
                self.seeded_until = run.last
        for run in _last_streak(runs):
            self.tracker.step_run(run)
        self.open_run = OpenRun(runs[-1])
        self.version += 1

    def restore_incident(self, ongoing: Incident | None) -> None:
        """Continue the recorded open incident, if any.

        The record decides, not the runs under the present thresholds: an announced incident continues until recovery is
        observed; one that was not announced is opened, and announced, by the next bad observation.
        """
        failing = self.tracker.phase in (Phase.DOWN, Phase.FAILING)
        self.tracker.open = ongoing
        if ongoing is None:
            self.tracker.phase = Phase.FAILING if failing else Phase.CLEAR
        else:
            self.tracker.phase = Phase.DOWN if failing else Phase.RECOVERING

    def may_last(self, incident: Incident, at: int) -> bool:
        """Return whether the check's incident is resolved, or may continue after the instant.

        An open incident of a check that is no longer probed ends when the last known observation expires.
        """
        expires = self.timeline.expires_at
        return incident.resolved is not None or expires is None or expires > at


def _last_streak(runs: Sequence[Run]) -> Sequence[Run]:
    """Return the runs since the last known outcome changed, on which the next decision depends."""
    last_known: Outcome | None = None
    for i, run in enumerate(reversed(runs)):
        if run.outcome is not Outcome.UNKNOWN:
            if last_known is not None and run.outcome is not last_known:
                return runs[len(runs) - i :]
            last_known = run.outcome
    return runs


def fold_tail(tail: Iterable[Observation], history_of: Callable[[str], CheckHistory]) -> list[Run]:
    """Add the observations after each check's last recorded run; return the runs that contain them.

    Only observations of the local vantage: check histories have no others.
    """
    folded: dict[tuple[str, int], Run] = {}
    for seen in tail:
        if seen.vantage != VANTAGE:
            continue
        history = history_of(seen.check)
        if history.open_run is not None and seen.at <= history.open_run.last:
            continue  # of a former key, from the time of the present key
        ended = history.observe(seen)
        history.tracker.step(seen)
        folded |= {(run.check, run.first): run for run in (*ended, *history.open_runs())}
    return list(folded.values())
