"""The recorded history of one check, which may be configured or not."""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from monitor.ledger.degraded_runs import DegradedRuns, StrictTimeline
from monitor.ledger.open_run import OpenRun
from monitor.probe_result import VANTAGE
from sla.incident import IncidentTracker, Phase
from sla.observation import Outcome, Run
from sla.timeline import Timeline

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterable, Mapping, Sequence

    from sla.incident import Incident
    from sla.observation import Observation

_NO_VIEWS: Final[Mapping[str, CheckHistory]] = MappingProxyType({})  # shared by the checks of one vantage


class CheckHistory:
    """The timeline of one check at one vantage, its open run and its incident tracker.

    `key` is `product/check`. `version` increases with every observation, so that rendered output can be cached by it.
    `seeded_until` is the end of the synthetic history, None without synthetic history. `views` has the histories of the
    check at the other vantages, by the vantage's id.
    """

    __slots__ = (
        "_degraded",
        "_strict",
        "key",
        "open_run",
        "seeded_until",
        "timeline",
        "tracker",
        "vantage",
        "version",
        "views",
    )

    def __init__(self, key: str, hold: int = 0, vantage: str = VANTAGE) -> None:
        self.key = key
        self.vantage = vantage
        self.views: Mapping[str, CheckHistory] = _NO_VIEWS
        self.timeline = Timeline(hold)
        self.open_run: OpenRun | None = None
        self.version = 0
        self.seeded_until: int | None = None
        self.tracker = IncidentTracker(key, key.partition("/")[0], history=self.timeline)
        self._degraded = DegradedRuns()
        self._strict: StrictTimeline | None = None

    @property
    def votes_alone(self) -> bool:
        """Whether the incident tracker decides the vote of this vantage, not the incidents of the check."""
        return self.vantage != VANTAGE

    def continue_from(self, other: CheckHistory) -> None:
        """Continue the history of another object with the same key; `other` must not be used afterwards."""
        self.timeline, self.open_run, self.tracker = other.timeline, other.open_run, other.tracker
        self.version, self.seeded_until = other.version + 1, other.seeded_until
        self._degraded, self._strict = other._degraded, other._strict
        self.views = other.views

    def view(self, vantage: str) -> CheckHistory:
        """Return the history of the check at a vantage. It is empty for a vantage without observations."""
        if vantage == self.vantage:
            return self
        if (view := self.views.get(vantage)) is None:
            view = CheckHistory(self.key, self.timeline.hold, vantage)
            view.tracker.fall, view.tracker.rise = self.tracker.fall, self.tracker.rise
            self.views = {**self.views, vantage: view}
        return view

    @property
    def strict_timeline(self) -> Timeline:
        """The timeline in which degraded observations are bad. It is created for agreements that need it."""
        if self._strict is None:
            self._strict = StrictTimeline(self.timeline.hold, self.runs())
        return self._strict.timeline

    def observe(self, observation: Observation) -> tuple[Run, ...]:
        """Add an observation to the timeline and its run; return the finished and the new run if a new run starts.

        Raises:
            ValueError: it is not later than the last observation; the history is unchanged.
        """
        open_run, hold = self.open_run, self.timeline.hold
        continues = open_run is not None and open_run.accepts(observation, hold)
        self.timeline.append(observation.at, observation.outcome, continues=continues, recheck=observation.recheck)
        self.version += 1
        if not continues:
            self._degraded.note(observation.at, observation.outcome, observation.reason)
        if self._strict is not None:
            self._strict.append(observation, hold, continues=continues)
        if open_run is None:
            self.open_run = OpenRun(Run.of(observation, hold))
            return (self.open_run.run(),)
        finished = open_run.add(observation, hold)
        return () if finished is None else (finished, open_run.run())

    def open_runs(self) -> tuple[Run, ...]:
        """Return the open run as a tuple; an empty tuple before the first observation."""
        return () if self.open_run is None else (self.open_run.run(),)

    def runs(self) -> list[Run]:
        """Return the complete history as runs.

        Finished runs have no latencies, and only degraded ones have their reasons. The rest is only on disk.
        """
        finished = self.timeline.runs(self.key)[: -1 if self.open_run else None]
        if self.vantage != VANTAGE:
            finished = [replace(run, vantage=self.vantage) for run in finished]
        return [*map(self._degraded.with_reason, finished), *self.open_runs()]

    def restore_runs(self, runs: Sequence[Run]) -> None:
        """Load the recorded runs in order, each with its recorded hold.

        Votes are not recorded, so all runs of a voting vantage are replayed to its incident tracker.
        """
        for run in runs:
            self.timeline.hold = run.hold
            self.timeline.append_run(run)
            self._degraded.note(run.first, run.outcome, run.reason)
            if run.seeded:
                self.seeded_until = run.last
        if self._strict is not None:
            self._strict.append_runs(runs)
        for run in runs if self.votes_alone else _last_streak(runs):
            self.tracker.step_run(run)
        self.open_run = OpenRun(runs[-1])
        self.version += 1

    def restore_incident(self, incident: Incident | None) -> None:
        """Continue the recorded open incident, if any.

        The record decides, not the runs with the current thresholds: a recorded incident continues until recovery is
        observed. Without a recorded incident, the next bad observation opens one, so that it is announced.
        """
        failing = self.tracker.phase in (Phase.DOWN, Phase.FAILING)
        self.tracker.open = incident
        if incident is None:
            self.tracker.phase = Phase.FAILING if failing else Phase.CLEAR
        else:
            self.tracker.phase = Phase.DOWN if failing else Phase.RECOVERING

    def may_be_open_at(self, incident: Incident, at: int) -> bool:
        """Return whether the incident may be open at the instant; always true for a resolved incident.

        An open incident of a check that is no longer probed ends when the last known observation expires.
        """
        expires = self.timeline.expires_at
        return incident.resolved is not None or expires is None or expires > at


def _last_streak(runs: Sequence[Run]) -> Sequence[Run]:
    """Return the runs since the last change of the known outcome. The next decision depends only on these runs."""
    last_known: Outcome | None = None
    for i, run in enumerate(reversed(runs)):
        if run.outcome is not Outcome.UNKNOWN:
            if last_known is not None and run.outcome is not last_known:
                return runs[len(runs) - i :]
            last_known = run.outcome
    return runs


def append_tail(
    tail: Iterable[Observation], history_of: Callable[[str], CheckHistory], vantages: Container[str] = (VANTAGE,)
) -> list[Run]:
    """Add the observations after each check's last recorded run, and return the runs that contain them.

    Observations of vantages that are not in `vantages` are skipped.
    """
    runs: dict[tuple[str, str, int], Run] = {}
    for observation in tail:
        if observation.vantage not in vantages:
            continue
        history = history_of(observation.check).view(observation.vantage)
        if history.open_run is not None and observation.at <= history.open_run.last:
            continue  # recorded under a former key; the current key has observations of this time
        changed = history.observe(observation)
        history.tracker.step(observation)
        runs |= {(run.check, run.vantage, run.first): run for run in (*changed, *history.open_runs())}
    return list(runs.values())
