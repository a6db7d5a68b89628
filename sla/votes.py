"""Decide the incidents of a check by the votes of the vantages that probe it (measurement.md, section 3).

A vantage votes down from the `fall`-th consecutive bad observation until the `rise`-th good one, as `sla/incident.py`
decides for a single vantage. Only a vantage whose last known observation is valid at the time of the decision votes,
so late observations change figures but neither open nor resolve an incident.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from sla.incident import Failure, Incident, Opened, Phase, Resolved
from sla.rule import Rule

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sla.incident import IncidentTracker
    from sla.state_history import History

_QUORUM = re.compile(r"(\d+) of (\d+)")


@dataclass(frozen=True, slots=True)
class Quorum:
    """The number of vantages that must see a check down for the check to be down: 2 of 3.

    Raises:
        ValueError: the number of votes is below 1 or above the number of vantages.
    """

    votes: int
    vantages: int

    def __post_init__(self) -> None:
        if not 1 <= self.votes <= self.vantages:
            raise ValueError(f"{self} can never be decided; use a number of votes from 1 to {self.vantages}")

    @classmethod
    def parse(cls, text: str) -> Quorum:
        """Parse `2 of 3`.

        Raises:
            ValueError: the text has another form, or the numbers contradict each other.
        """
        if not (numbers := _QUORUM.fullmatch(text.strip())):
            raise ValueError(f'"{text}" is not a quorum; specify the votes and the number of vantages, such as 2 of 3')
        return cls(int(numbers[1]), int(numbers[2]))

    @classmethod
    def majority(cls, vantages: int) -> Quorum:
        """Return the quorum of more than half of the vantages."""
        return cls(vantages // 2 + 1, vantages)

    @property
    def needed_up(self) -> int:
        """The number of vantages that must see the check up for the check to be up: more than `vantages` - `votes`."""
        return self.vantages - self.votes + 1

    @property
    def rule(self) -> Rule:
        """The rule that combines the histories of the vantages to the history of the check."""
        return Rule(self.needed_up)

    def __str__(self) -> str:
        return f"{self.votes} of {self.vantages}"


@dataclass(frozen=True, slots=True)
class Vote:
    """The vote of a vantage: whether the check is down, and since when (microseconds).

    `reason` is the reason code of the first bad observation, empty if the check is up.
    """

    vantage: str
    down: bool
    since: int
    reason: str = ""


def vote_of(vantage: str, tracker: IncidentTracker, history: History, now: int) -> Vote | None:
    """Return the vote of a vantage at `now`, from its own tracker and history.

    None if its last known observation has expired, or if it is undecided: its last outcome is bad, but fewer than
    `fall` are.
    """
    expires_at = history.expires_at
    if expires_at is None or expires_at < now or tracker.phase is Phase.FAILING:
        return None
    if tracker.phase is Phase.CLEAR:
        return Vote(vantage, down=False, since=tracker.streak_start)
    incident = tracker.open
    return None if incident is None else Vote(vantage, down=True, since=incident.opened, reason=incident.reason)


class VoteTracker:
    """Tracks the incident of a check that several vantages probe; `open` is the open incident or None.

    `history` is the check's history, for the downtime of a resolved incident. `after` is the earliest opening of the
    next incident, None before the first one: if the quorum is lowered, votes that continue after an incident open the
    next one, which must have another instant and id.
    """

    __slots__ = ("after", "check", "history", "open", "product", "quorum")

    def __init__(self, check: str, quorum: Quorum, history: History | None = None) -> None:
        self.check, self.product = check, check.partition("/")[0]
        self.quorum, self.history = quorum, history
        self.open: Incident | None = None
        self.after: int | None = None

    def resolved(self, incident: Incident) -> None:
        """Open the next incident after this resolved one, which may be from an earlier process."""
        end = max(incident.opened + 1, incident.resolved or 0)
        self.after = end if self.after is None else max(self.after, end)

    def decide(self, votes: Iterable[Vote]) -> Opened | Resolved | None:
        """Return the decision of the votes, at most one per vantage.

        An incident opens with `quorum.votes` votes for down, at the start of the vote that completes the quorum, and
        resolves with `needed_up` votes for up in the same way. The order of the votes has no effect.
        """
        known = sorted(votes, key=lambda vote: (vote.since, vote.vantage))
        if self.open is None:
            return self._open([vote for vote in known if vote.down])
        return self._resolve(self.open, [vote for vote in known if not vote.down])

    def _open(self, votes: Sequence[Vote]) -> Opened | None:
        if len(votes) < self.quorum.votes:
            return None
        deciding = votes[self.quorum.votes - 1]
        opened = deciding.since if self.after is None else max(deciding.since, self.after)
        incident = Incident.open(self.product, self.check, opened, deciding.reason)
        detail = f"down at {', '.join(sorted(vote.vantage for vote in votes))}"
        self.open = replace(incident, first=Failure(opened, deciding.reason, detail=detail))
        return Opened(self.open)

    def _resolve(self, incident: Incident, votes: Sequence[Vote]) -> Resolved | None:
        if len(votes) < self.quorum.needed_up:
            return None
        at = max(incident.opened, votes[self.quorum.needed_up - 1].since)
        self.open = None
        resolved = incident.resolve(at, self.history)
        self.resolved(resolved)
        return Resolved(resolved)
