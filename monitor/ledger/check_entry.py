"""A configured check: its definition, its recorded history, and the probes of this process."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from monitor.ledger.check_history import CheckHistory
from monitor.probe_result import SLOW
from sla.eras import EVER
from sla.incident import Failure, Incident, Opened, Phase, Resolved
from sla.observation import Outcome
from sla.votes import VoteTracker, vote_of

if TYPE_CHECKING:
    from collections.abc import Container, Iterator

    from monitor.config.model import CheckBase, Product
    from monitor.probe_result import Observed
    from sla.incident import IncidentTracker
    from sla.observation import Observation, Run
    from sla.state_history import History
    from sla.votes import Vote


class CheckEntry(CheckHistory):
    """A configured check with its history.

    `last` is the last result in this process, None before the first result. `totals` counts the probes of this process
    by outcome, `slow` the slow good probes, both without re-checks. `first_failure` is the first failing probe of the
    streak that opens an incident, `last_failure` the last one; both are None until a probe of this process fails.
    `opens_incidents` is false for a check of a site. `votes` decides the incidents of a check with several vantages; it
    is None if only this vantage probes the check. `states` has the states that follow from all its vantages.
    """

    __slots__ = (
        "check",
        "first_failure",
        "hold",
        "last",
        "last_failure",
        "opens_incidents",
        "paused",
        "product",
        "slow",
        "states",
        "totals",
        "votes",
    )

    def __init__(self, product: Product, check: CheckBase, recorded: CheckHistory | None = None) -> None:
        super().__init__(f"{product.id}/{check.id}", check.effective_hold)
        if recorded is not None:
            self.continue_from(recorded)
        self.last: Observed | None = None
        self.first_failure: Failure | None = None
        self.last_failure: Failure | None = None
        self.totals: dict[Outcome, int] = dict.fromkeys(Outcome, 0)
        self.slow = 0
        self.paused = False
        self.votes: VoteTracker | None = None
        self.states: History = self.timeline
        self.define(product, check)

    def define(self, product: Product, check: CheckBase) -> None:
        """Replace the definition and keep the history. A changed hold applies to later observations."""
        self.product = product
        self.check = check
        self.opens_incidents = all(check.id != site_check.id for site_check in product.site_checks)
        self.hold = check.effective_hold
        self.timeline.hold = self.hold
        for view in map(self.view, check.vantages):
            view.timeline.hold = self.hold
            view.tracker.fall, view.tracker.rise = check.fall, check.rise

    def vote(self, states: History) -> None:
        """Let the votes of the check's vantages decide its incidents, or this vantage alone. `states` are the check's.

        The open incident continues.
        """
        self.states, incident = states, self.incident_tracker.open
        if len(self.check.vantages) == 1:
            if self.votes is not None:
                self.votes = None
                self.restore_incident(incident)
            return
        if self.votes is None:
            self.votes = VoteTracker(self.key, self.check.quorum)
            self.votes.open = incident
        self.votes.quorum, self.votes.history = self.check.quorum, states

    def open_after(self, incident: Incident) -> None:
        """Let the votes open the next incident after this one, which is resolved."""
        if self.votes is not None:
            self.votes.resolved(incident)

    @property
    def votes_alone(self) -> bool:
        """Whether the incident tracker decides the vote of this vantage, not the incidents of the check."""
        return self.votes is not None

    def restore_incident(self, incident: Incident | None) -> None:
        """Continue the recorded open incident, if any."""
        if self.votes is None:
            super().restore_incident(incident)
        else:
            self.votes.open = incident

    @property
    def incident_tracker(self) -> IncidentTracker | VoteTracker:
        """The tracker that decides the check's incidents, with the open one."""
        return self.tracker if self.votes is None else self.votes

    def votes_at(self, now: int) -> list[Vote]:
        """Return the votes of the check's vantages whose last observation is valid at the instant."""
        views = (self.view(vantage) for vantage in self.check.vantages)
        votes = (vote_of(view.vantage, view.tracker, view.timeline, now) for view in views)
        return [vote for vote in votes if vote is not None]

    def observe_elsewhere(self, observation: Observation) -> tuple[Run, ...]:
        """Add an observation of another vantage to its view. Return the finished and the new run, if a new one starts.

        Raises:
            ValueError: it is not later than the vantage's last observation; nothing changed.
        """
        view = self.view(observation.vantage)
        runs = view.observe(observation)
        view.tracker.step(observation)
        self.version += 1
        return runs

    def count(self, observed: Observed) -> None:
        """Count the last result. Call it before the step of the incident tracker."""
        self.last = observed
        if not observed.observation.recheck:
            self.totals[observed.result.outcome] += 1
            self.slow += observed.result.reason == SLOW
        if observed.result.outcome is Outcome.BAD:
            self._store_failure(observed)

    def step(self, observation: Observation) -> Opened | Resolved | None:
        """Add the last result to the incident tracker, and return the decision. None if the check opens no incident.

        If several vantages vote, the decision is that of `decide`.
        """
        change = self.tracker.step(observation) if self.opens_incidents else None
        return change if self.votes is None else self.decide(observation.at)

    def decide(self, now: int) -> Opened | Resolved | None:
        """Return the decision of the vantages' votes at the instant. None if only this vantage probes the check."""
        return None if self.votes is None or self.paused else self.votes.decide(self.votes_at(now))

    def set_paused(self, *, paused: bool) -> None:
        """Set whether the check is paused. A paused check has no last result, because it would be shown as current."""
        self.paused = paused
        self.last = None if paused else self.last
        self.version += 1

    def recheck_delay(self, at: int) -> int | None:
        """Return the time until a re-check of the observation at the instant, microseconds. None without a re-check.

        A known outcome that started a streak is re-checked until the streak opens or resolves an incident, or ends.
        """
        if not self.opens_incidents or self.timeline.last_known_at != at:
            return None
        if self.tracker.phase not in (Phase.FAILING, Phase.RECOVERING):
            return None
        return self.check.recheck_delay

    def copy_counts(self, previous: CheckEntry) -> None:
        """Continue the counts of the previous entry of this key, which was replaced by a merge with a former key."""
        self.last, self.totals, self.slow = previous.last, previous.totals, previous.slow
        self.first_failure, self.last_failure = previous.first_failure, previous.last_failure

    def _store_failure(self, observed: Observed) -> None:
        result = observed.result
        self.last_failure = Failure(observed.observation.at, result.reason, result.status, result.detail, result.phases)
        if self.tracker.phase is Phase.CLEAR or self.first_failure is None:
            self.first_failure = self.last_failure

    def open_incident(self) -> Incident | None:
        """Return the check's open incident with its last failing probe, or None."""
        incident = self.incident_tracker.open
        if incident is None or self.last_failure is None or self.votes is not None:
            return incident
        return replace(incident, last=self.last_failure)

    def with_last_failure(self, incident: Incident) -> Incident:
        """Return the check's incident, with the last failing probe if it is open."""
        open_incident = self.open_incident()
        return open_incident if open_incident is not None and open_incident.id == incident.id else incident

    def may_change(self, at: int, now: int, end: int, defined: Container[History]) -> bool:
        """Return whether the figures as of `at` of a window that ends at `end` may still change after `now`.

        They may change while outcomes of probes that were due or sent before `at` are missing, unless the check has a
        known outcome after the end of the window. Observations of another vantage may arrive at any time, if it is one
        of the members `defined` until `end`.
        """
        if any(True for _ in self.late_vantages(end, defined)):
            return True
        return now < at + self.check.lateness and (self.timeline.last_known_at or EVER) < end

    def late_vantages(self, end: int, defined: Container[History]) -> Iterator[tuple[str, int | None]]:
        """Yield the other vantages among the members `defined` without a known outcome at or after `end`.

        Each has the instant of its last known outcome, None without one.
        """
        for vantage in self.check.vantages[1:]:
            timeline = self.view(vantage).timeline
            last = timeline.last_known_at
            if timeline in defined and (last or EVER) < end:
                yield vantage, last
