"""A configured check: its definition, its recorded history, and the probes of this process."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from monitor.ledger.check_history import CheckHistory
from monitor.probe_result import SLOW
from sla.eras import EVER
from sla.incident import Failure, Incident, Phase
from sla.observation import Outcome

if TYPE_CHECKING:
    from monitor.config.model import CheckBase, Product
    from monitor.probe_result import Observed


class CheckEntry(CheckHistory):
    """A configured check with its history.

    `last` is the last result of this process, None before one; `totals` counts this process's probes by
    outcome, `slow` those that were good and slow. `first_failure` and `last_failure` are the failing probes that an
    incident keeps: the first of the streak that opens it and the newest, None until this process saw one.
    """

    __slots__ = ("check", "first_failure", "hold", "last", "last_failure", "product", "slow", "totals")

    def __init__(self, product: Product, check: CheckBase, recorded: CheckHistory | None = None) -> None:
        super().__init__(f"{product.id}/{check.id}", check.effective_hold)
        if recorded is not None:
            self.continue_from(recorded)
        self.last: Observed | None = None
        self.first_failure: Failure | None = None
        self.last_failure: Failure | None = None
        self.totals: dict[Outcome, int] = dict.fromkeys(Outcome, 0)
        self.slow = 0
        self.define(product, check)

    def define(self, product: Product, check: CheckBase) -> None:
        """Replace the definition and keep the history. A changed hold applies from the next observation on."""
        self.product = product
        self.check = check
        self.hold = check.effective_hold
        self.timeline.hold = self.hold
        self.tracker.fall, self.tracker.rise = check.fall, check.rise

    def count(self, seen: Observed) -> None:
        """Count the last result. Call it before the step of the incident tracker."""
        self.last = seen
        self.totals[seen.result.outcome] += 1
        self.slow += seen.result.reason == SLOW
        if seen.result.outcome is Outcome.BAD:
            self._note_failure(seen)

    def count_on(self, before: CheckEntry) -> None:
        """Continue the counts of this process: `before` had the key until the history of a former key joined it."""
        self.last, self.totals, self.slow = before.last, before.totals, before.slow
        self.first_failure, self.last_failure = before.first_failure, before.last_failure

    def _note_failure(self, seen: Observed) -> None:
        found = seen.result
        self.last_failure = Failure(seen.observation.at, found.reason, found.status, found.detail, found.phases)
        if self.tracker.phase is Phase.CLEAR or self.first_failure is None:
            self.first_failure = self.last_failure

    def ongoing(self) -> Incident | None:
        """Return the check's open incident with its newest failing probe, None if it has none."""
        held = self.tracker.open
        return held if held is None or self.last_failure is None else replace(held, last=self.last_failure)

    def current(self, incident: Incident) -> Incident:
        """Return the incident with the check's newest failing probe if it is the open one, else as it is."""
        held = self.ongoing()
        return held if held is not None and held.id == incident.id else incident

    def may_change(self, at: int, now: int, end: int) -> bool:
        """Return whether figures as of `at`, of a window that ends at `end`, may change after `now`.

        They may until the outcome of all that was due or sent until `at` has arrived, but for a check that has a known
        outcome from after the window.
        """
        return now < at + self.check.lateness and (self.timeline.last_known_at or EVER) < end
