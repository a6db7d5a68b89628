"""Intents: writes to another system, recorded before they are sent, so that a crash of the daemon loses none.

A run is a sequence of writes whose requests contain the same id. Its entries are recorded in order: the intent before a
write, the answer after it, the result of reading back, and the closing after the clean-up. A write without an answer is
indeterminate: it may have had an effect (`:info` in Jepsen histories).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Any, TypeAlias

from sla.window import format_instant, parse_instant

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable


class WriteOutcome(StrEnum):
    """The outcome of a write. FAILED: it certainly had no effect. INDETERMINATE: it may have had one."""

    ACKNOWLEDGED = "acknowledged"
    FAILED = "failed"
    INDETERMINATE = "indeterminate"


@dataclass(frozen=True, slots=True)
class Intent:
    """A write that will be sent at `at` (microseconds). `owner` is the check or transaction that sends it.

    `request` is the resolved request without secrets, `secrets` lists the references of the secrets that it uses.
    `target` identifies the target system; empty in logs of earlier versions.
    """

    run: str
    owner: str
    step: str
    at: int
    request: str = ""
    secrets: tuple[str, ...] = ()
    target: str = ""


@dataclass(frozen=True, slots=True)
class Answer:
    """The outcome of a step's last intent, with the non-secret values captured from the response."""

    run: str
    step: str
    at: int
    outcome: WriteOutcome
    detail: str = ""
    captured: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ReadBack:
    """The result of reading back: the number of copies of each step's write."""

    run: str
    at: int
    copies: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Closing:
    """The end of a run. `left_behind`: some of its writes may still exist, because they were not located or removed."""

    run: str
    at: int
    left_behind: bool = False
    reason: str = ""


Entry: TypeAlias = Intent | Answer | ReadBack | Closing


@dataclass(frozen=True, slots=True)
class Run:
    """The entries of one run, in order."""

    id: str
    owner: str
    intents: tuple[Intent, ...]
    answers: tuple[Answer, ...] = ()
    readings: tuple[ReadBack, ...] = ()
    closing: Closing | None = None

    @property
    def started(self) -> int:
        """The instant of the first intent."""
        return self.intents[0].at

    @property
    def target(self) -> str:
        """The target of the first intent."""
        return self.intents[0].target

    @property
    def reading(self) -> ReadBack | None:
        """The last reading."""
        return self.readings[-1] if self.readings else None

    @property
    def steps(self) -> list[str]:
        """The steps with an intent, in order, without duplicates."""
        return list(dict.fromkeys(intent.step for intent in self.intents))

    def sent(self, step: str) -> int | None:
        """Return the instant of the first intent of the step, None without an intent."""
        return next((intent.at for intent in self.intents if intent.step == step), None)

    def acknowledged(self, step: str) -> int | None:
        """Return the instant of the first acknowledgement of the step, None without one."""
        instants = (answer.at for answer in self._answers(step) if answer.outcome is WriteOutcome.ACKNOWLEDGED)
        return next(instants, None)

    def outcome(self, step: str) -> WriteOutcome | None:
        """Return the outcome of all attempts of the step, None without an intent.

        ACKNOWLEDGED if any attempt was. Otherwise INDETERMINATE if any attempt is or has no answer.
        """
        answers, attempts = self._answers(step), sum(intent.step == step for intent in self.intents)
        if not attempts:
            return None
        outcomes = {answer.outcome for answer in answers}
        if WriteOutcome.ACKNOWLEDGED in outcomes:
            return WriteOutcome.ACKNOWLEDGED
        unanswered = attempts > len(answers) or WriteOutcome.INDETERMINATE in outcomes
        return WriteOutcome.INDETERMINATE if unanswered else WriteOutcome.FAILED

    @property
    def captured(self) -> dict[str, str]:
        """The captured values by name; the last one for a name that was captured several times."""
        return {name: value for answer in self.answers for name, value in answer.captured.items()}

    def captures(self, name: str) -> list[str]:
        """Return the values captured under the name, in order, without duplicates."""
        return list(dict.fromkeys(answer.captured[name] for answer in self.answers if name in answer.captured))

    def _answers(self, step: str) -> list[Answer]:
        return [answer for answer in self.answers if answer.step == step]

    def with_entry(self, entry: Entry) -> Run:
        """Return the run with one more entry."""
        match entry:
            case Intent():
                return replace(self, intents=(*self.intents, entry))
            case Answer():
                return replace(self, answers=(*self.answers, entry))
            case ReadBack():
                return replace(self, readings=(*self.readings, entry))
            case _:
                return replace(self, closing=entry)


def runs_of(entries: Iterable[Entry]) -> dict[str, Run]:
    """Return the runs by id, in the order of their first intents. Entries of unknown runs are ignored."""
    runs: dict[str, Run] = {}
    for entry in entries:
        add_entry(runs, entry)
    return runs


def add_entry(runs: dict[str, Run], entry: Entry) -> None:
    """Add the entry to the run that it belongs to. The first intent of a run creates it."""
    if entry.run in runs:
        runs[entry.run] = runs[entry.run].with_entry(entry)
    elif isinstance(entry, Intent):
        runs[entry.run] = Run(entry.run, entry.owner, (entry,))


def entries_of(run: Run) -> list[Entry]:
    """Return the entries of a run, from which `runs_of` builds an equal run."""
    closing = () if run.closing is None else (run.closing,)
    return [*run.intents, *run.answers, *run.readings, *closing]


def entry_as_json(entry: Entry) -> dict[str, Any]:
    """Return the entry as plain data: a line of the intent log."""
    plain: dict[str, Any] = {"run": entry.run, "at": format_instant(entry.at)}
    match entry:
        case Intent():
            more = {"owner": entry.owner, "step": entry.step, "request": entry.request, "secrets": list(entry.secrets)}
            return {"entry": "intent"} | plain | more | {"target": entry.target}
        case Answer():
            more = {"step": entry.step, "outcome": entry.outcome.value, "detail": entry.detail}
            return {"entry": "answer"} | plain | more | {"captured": dict(entry.captured)}
        case ReadBack():
            return {"entry": "read_back"} | plain | {"copies": dict(entry.copies)}
        case _:
            return {"entry": "closing"} | plain | {"left_behind": entry.left_behind, "reason": entry.reason}


def entry_from_json(plain: Mapping[str, Any]) -> Entry:
    """Return the entry of plain data.

    Raises:
        KeyError, TypeError, ValueError: it is not an entry.
    """
    return _READERS[plain["entry"]](str(plain["run"]), parse_instant(str(plain["at"])), plain)


def _intent(run: str, at: int, plain: Mapping[str, Any]) -> Entry:
    texts = str(plain["owner"]), str(plain["step"])
    secrets = tuple(map(str, plain["secrets"]))
    return Intent(run, *texts, at, str(plain["request"]), secrets, str(plain.get("target", "")))


def _answer(run: str, at: int, plain: Mapping[str, Any]) -> Entry:
    captured = {str(name): str(value) for name, value in dict(plain["captured"]).items()}
    outcome = WriteOutcome(plain["outcome"])
    return Answer(run, str(plain["step"]), at, outcome, str(plain["detail"]), captured)


def _read_back(run: str, at: int, plain: Mapping[str, Any]) -> Entry:
    return ReadBack(run, at, {str(step): int(count) for step, count in dict(plain["copies"]).items()})


def _closing(run: str, at: int, plain: Mapping[str, Any]) -> Entry:
    return Closing(run, at, bool(plain["left_behind"]), str(plain["reason"]))


_READERS: Mapping[str, Callable[[str, int, Mapping[str, Any]], Entry]] = {
    "intent": _intent,
    "answer": _answer,
    "read_back": _read_back,
    "closing": _closing,
}
