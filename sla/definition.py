"""Definitions of a product: rule, members, objective, window and agreement, valid from an instant on.

See measurement.md, section 3, "Eras". Definitions are part of the record. A new one is appended if the configuration
changes the meaning of figures. Definitions are never edited, so past figures use the definition of that time.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Final, cast

from sla.budget_window import BudgetWindow
from sla.calendar import Period
from sla.duration import format_full_duration
from sla.fact import DEFINITION, Fact, canonical, content_id
from sla.interval import SECOND
from sla.latency_terms import LatencyTerm, earlier_term
from sla.objective import Objective
from sla.rule import Rule

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

AUTHOR: Final = "configuration"
_LOCAL: Final = "local"


@dataclass(frozen=True, slots=True, order=True)
class Member:
    """A check at a vantage that is part of the product. `check` is the key of its observations, `product/check`.

    `hold` and `interval` are in microseconds. A changed hold applies to later observations only.
    """

    check: str
    vantage: str
    hold: int
    interval: int

    @property
    def name(self) -> str:
        """The check's id, with the vantage unless the vantage is local."""
        name = self.check.partition("/")[2]
        return name if self.vantage == _LOCAL else f"{name} at {self.vantage}"

    def as_json(self) -> dict[str, Any]:
        """Return the member for the body of a definition, durations in seconds."""
        durations = {"hold_seconds": self.hold / SECOND, "interval_seconds": self.interval / SECOND}
        return {"check": self.check, "vantage": self.vantage, **durations}

    @classmethod
    def from_json(cls, data: Any) -> Member:
        """Read a member from the body of a definition. Unknown keys are ignored."""
        hold, interval = (round(data[name] * SECOND) for name in ("hold_seconds", "interval_seconds"))
        return cls(str(data["check"]), str(data["vantage"]), hold, interval)


@dataclass(frozen=True, slots=True)
class Definition:
    """The meaning of a product's figures from `made` on (microseconds since the epoch).

    A definition without members means that the product was removed. `agreement` is the canonical JSON of the
    agreement's exclusions and limits. `latency` has the latency objectives, in order. `supersedes` has the ids of
    definitions that a wrong clock dated later than this one; they are ignored. `id` is the id of the fact that contains
    the definition. `quorum` is the number of vantages that must see a check down, of the vantages that are members.
    """

    product: str
    made: int
    rule: Rule
    members: tuple[Member, ...]
    objective: Objective
    window: BudgetWindow
    agreement: str = "{}"
    supersedes: tuple[str, ...] = ()
    id: str = field(default="", compare=False)
    latency: tuple[LatencyTerm, ...] = ()
    quorum: int = 1

    @property
    def ended(self) -> bool:
        """Whether the product was removed from the configuration."""
        return not self.members

    @property
    def needed(self) -> int:
        """The number of checks that must be up, independent of the notation of the rule."""
        return len(self.vantages) if self.rule.k is None else self.rule.k

    @property
    def vantages(self) -> dict[str, list[str]]:
        """The vantages of each check, in the order of the members."""
        vantages: dict[str, list[str]] = {}
        for member in self.members:
            vantages.setdefault(member.check, []).append(member.vantage)
        return vantages

    @property
    def digest(self) -> str:
        """Twelve hexadecimal digits that are equal only for definitions with the same meaning.

        The order of members, the notation of the rule and the time do not change the digest.
        """
        if self.ended:
            return content_id("ended")
        members = [[member.check, member.vantage, member.hold, member.interval] for member in sorted(self.members)]
        ratio = self.objective.ratio
        agreement = json.loads(self.agreement)
        window = _digested_window(self.window)
        latency = [[term.as_json() for term in self.latency]] if self.latency else []  # none in earlier versions
        quorum = [{"quorum": self.quorum}] if self.quorum != 1 else []  # none in earlier versions
        return content_id(canonical([self.needed, members, str(ratio), window, agreement, *latency, *quorum]))

    def fact(self, source: str) -> Fact:
        """Return the definition as a fact. `source` is the path of the configuration file or folder."""
        return Fact.of(self.made, AUTHOR, DEFINITION, self.product, self.as_json() | {"source": source})

    def as_json(self) -> dict[str, Any]:
        """Return the body of its fact."""
        body: dict[str, Any] = {
            "digest": self.digest,
            "rule": str(self.rule),
            "members": [member.as_json() for member in self.members],
            "objective": _objective_text(self.objective),
            **_window_json(self.window),
            "agreement": json.loads(self.agreement),
        }
        body |= {"latency_objectives": [term.as_json() for term in self.latency]} if self.latency else {}
        body |= {"quorum": self.quorum} if self.quorum != 1 else {}
        return body | ({"supersedes": list(self.supersedes)} if self.supersedes else {})

    @classmethod
    def read(cls, fact: Fact) -> Definition:
        """Return the definition of a fact. Unknown keys are ignored.

        Raises:
            ValueError: a part is missing or invalid.
        """
        try:
            body = fact.content()
            return cls(
                fact.product,
                fact.made,
                Rule.parse(body["rule"]),
                tuple(Member.from_json(member) for member in body["members"]),
                _parse_objective(str(body["objective"])),
                _parse_window(body),
                canonical(body["agreement"]),
                tuple(map(str, body.get("supersedes", ()))),
                fact.id,
                tuple(sorted(map(LatencyTerm.from_json, body.get("latency_objectives", ())))),
                int(body.get("quorum", 1)),
            )
        except (KeyError, TypeError, AttributeError, ZeroDivisionError, OverflowError) as error:
            raise ValueError(f"the definition {fact.id} lacks a part of its body: {error!r}") from None


def _objective_text(objective: Objective) -> str:
    """Return the objective as text that can be parsed exactly: percent, or a fraction for periodic decimals."""
    text = str(objective)
    return text if Objective.parse(text) == objective else str(objective.ratio)


def _parse_objective(text: str) -> Objective:
    return Objective(Fraction(text)) if "/" in text else Objective.parse(text)


def _window_json(window: BudgetWindow) -> dict[str, Any]:
    """Return the fields of the window. Only calendar windows have a period, as in records of earlier versions."""
    period = {} if window.period is None else {"window_period": window.period.value}
    return {"window_seconds": window.length / SECOND, **period}


def _parse_window(body: Mapping[str, Any]) -> BudgetWindow:
    if (period := body.get("window_period")) is not None:
        return BudgetWindow.calendar(Period(period))
    return BudgetWindow(round(body["window_seconds"] * SECOND))


def _digested_window(window: BudgetWindow) -> int | str:
    return window.length if window.period is None else window.period.value


def _window_text(window: BudgetWindow) -> str:
    return _duration_text(window.length) if window.period is None else f"each {window.period.text}"


def differences(before: Definition | None, after: Definition) -> list[str]:
    """Return the changes of a definition, one line per change: `objective 99.9% -> 99.95%`, `check added: api`."""
    if after.ended:
        return ["removed from the configuration"]
    if before is None or before.ended:
        action = "defined" if before is None else "configured again"
        names = ", ".join(member.name for member in after.members)
        target = f"objective {_objective_text(after.objective)} over {_window_text(after.window)}"
        return [f"{action}: {after.rule} of {names}; {target}"]
    changes = [*_figure_changes(before, after), *_member_changes(before, after), *_agreement_changes(before, after)]
    return [*changes, *_latency_changes(before, after)]


def _figure_changes(before: Definition, after: Definition) -> Iterator[str]:
    if before.objective != after.objective:
        yield f"objective {_objective_text(before.objective)} -> {_objective_text(after.objective)}"
    if before.window != after.window:
        yield f"window {_window_text(before.window)} -> {_window_text(after.window)}"
    if before.quorum != after.quorum:
        yield f"vantages that must see a check down {before.quorum} -> {after.quorum}"
    same_count = len(before.vantages) == len(after.vantages)
    if str(before.rule) != str(after.rule) and not (same_count and before.needed == after.needed):
        yield f"rule {before.rule} -> {after.rule}"


def _member_changes(before: Definition, after: Definition) -> Iterator[str]:
    old, new = ({(member.check, member.vantage): member for member in side.members} for side in (before, after))
    for key in sorted(new.keys() - old.keys()):
        yield f"check added: {new[key].name}"
    for key in sorted(old.keys() - new.keys()):
        yield f"check removed: {old[key].name}"
    for key in sorted(old.keys() & new.keys()):
        for name in ("interval", "hold"):
            old_value, new_value = (cast("int", getattr(side[key], name)) for side in (old, new))
            if old_value != new_value:
                yield f"{name} of {new[key].name} {_duration_text(old_value)} -> {_duration_text(new_value)}"


def _agreement_changes(before: Definition, after: Definition) -> Iterator[str]:
    old, new = json.loads(before.agreement), json.loads(after.agreement)
    for key in sorted({*old, *new}):
        if old.get(key) != new.get(key):
            yield f"{key.replace('_', ' ')} {_value_text(old.get(key))} -> {_value_text(new.get(key))}"


def _latency_changes(before: Definition, after: Definition) -> Iterator[str]:
    replaced = {term: earlier_term(term, after.latency, before.latency) for term in after.latency}
    for term, earlier in replaced.items():
        if earlier is None:
            yield f"latency objective added: {_latency_text(term)}"
        elif earlier != term:
            yield f"latency objective {_latency_text(earlier)} -> {_latency_text(term)}"
    for term in before.latency:
        if term not in replaced.values():
            yield f"latency objective removed: {_latency_text(term)}"


def _latency_text(term: LatencyTerm) -> str:
    return f"{term} over {_duration_text(term.window)}"


def _value_text(value: Any) -> str:
    return "none" if value is None else value if isinstance(value, str) else canonical(value)


def _duration_text(length: int) -> str:
    return format_full_duration(length)
