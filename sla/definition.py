"""Definitions: a product's rule, members, objective, window and agreement from an instant on.

measurement.md, section 3, "Eras". A definition is part of the record: it is appended when the configuration changes the
meaning and is never edited, so that a figure of the past is computed as it was defined then.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Final, cast

from sla.compose import Rule
from sla.duration import format_full_duration
from sla.fact import DEFINITION, Fact, canonical, content_id
from sla.interval import SECOND
from sla.objective import Objective

if TYPE_CHECKING:
    from collections.abc import Iterator

AUTHOR: Final = "configuration"
_LOCAL: Final = "local"


@dataclass(frozen=True, slots=True, order=True)
class Member:
    """A check at a vantage that is part of the whole. `check` is the key of its observations, `product/check`.

    `hold` and `interval` are microseconds. A changed hold applies to observations from then on, not to earlier ones.
    """

    check: str
    vantage: str
    hold: int
    interval: int

    @property
    def name(self) -> str:
        """The check's id, with the vantage unless it is the local one."""
        name = self.check.partition("/")[2]
        return name if self.vantage == _LOCAL else f"{name} at {self.vantage}"

    def as_json(self) -> dict[str, Any]:
        """Return it as the body of a definition has it, durations in seconds."""
        durations = {"hold_seconds": self.hold / SECOND, "interval_seconds": self.interval / SECOND}
        return {"check": self.check, "vantage": self.vantage, **durations}

    @classmethod
    def from_json(cls, plain: Any) -> Member:
        """Return the member; keys that this version does not know are ignored."""
        hold, interval = (round(plain[name] * SECOND) for name in ("hold_seconds", "interval_seconds"))
        return cls(str(plain["check"]), str(plain["vantage"]), hold, interval)


@dataclass(frozen=True, slots=True)
class Definition:
    """The meaning of a product's figures from `made` on (microseconds since the epoch). Without members it has ended.

    `window` is microseconds, `agreement` canonical JSON of what the agreement excludes and promises. `supersedes` holds
    the ids of definitions that a wrong clock stamped later than this one: they no longer count. `id` is that of
    the fact it was read from.
    """

    product: str
    made: int
    rule: Rule
    members: tuple[Member, ...]
    objective: Objective
    window: int
    agreement: str = "{}"
    supersedes: tuple[str, ...] = ()
    id: str = field(default="", compare=False)

    @property
    def ended(self) -> bool:
        """Whether the configuration has the product no longer."""
        return not self.members

    @property
    def needed(self) -> int:
        """How many members must be up: the meaning of the rule, however it is written."""
        return len(self.members) if self.rule.k is None else self.rule.k

    @property
    def digest(self) -> str:
        """Twelve hexadecimal digits that are equal exactly for definitions of the same meaning.

        The order of members and the way in which a rule is written do not matter, nor does when it was made.
        """
        if self.ended:
            return content_id("ended")
        members = [[each.check, each.vantage, each.hold, each.interval] for each in sorted(self.members)]
        ratio = self.objective.ratio
        agreement = json.loads(self.agreement)
        return content_id(canonical([self.needed, members, str(ratio), self.window, agreement]))

    def fact(self, source: str) -> Fact:
        """Return it as the record keeps it; `source` names the configuration's file or folder."""
        return Fact.of(self.made, AUTHOR, DEFINITION, self.product, self.as_json() | {"source": source})

    def as_json(self) -> dict[str, Any]:
        """Return the body of its fact."""
        found: dict[str, Any] = {
            "digest": self.digest,
            "rule": str(self.rule),
            "members": [each.as_json() for each in self.members],
            "objective": _written(self.objective),
            "window_seconds": self.window / SECOND,
            "agreement": json.loads(self.agreement),
        }
        return found | ({"supersedes": list(self.supersedes)} if self.supersedes else {})

    @classmethod
    def read(cls, fact: Fact) -> Definition:
        """Return the definition that the fact is; keys that this version does not know are ignored.

        Raises:
            ValueError: a part is missing, or is not what this version knows.
        """
        try:
            body = fact.content()
            return cls(
                fact.product,
                fact.made,
                Rule.parse(body["rule"]),
                tuple(Member.from_json(each) for each in body["members"]),
                _objective(str(body["objective"])),
                round(body["window_seconds"] * SECOND),
                canonical(body["agreement"]),
                tuple(map(str, body.get("supersedes", ()))),
                fact.id,
            )
        except (KeyError, TypeError, AttributeError, ZeroDivisionError, OverflowError) as error:
            raise ValueError(f"the definition {fact.id} lacks a part of its body: {error!r}") from None


def _written(objective: Objective) -> str:
    """Return the objective as text that reads back exactly: percent, or a fraction where percent has no end."""
    text = str(objective)
    return text if Objective.parse(text) == objective else str(objective.ratio)


def _objective(text: str) -> Objective:
    return Objective(Fraction(text)) if "/" in text else Objective.parse(text)


def differences(before: Definition | None, after: Definition) -> list[str]:
    """Return what a definition changes, one line for each change: `objective 99.9% -> 99.95%`, `check added: api`."""
    if after.ended:
        return ["removed from the configuration"]
    if before is None or before.ended:
        begun = "defined" if before is None else "configured again"
        names = ", ".join(each.name for each in after.members)
        return [f"{begun}: {after.rule} of {names}; objective {_written(after.objective)} over {_span(after.window)}"]
    return [*_terms(before, after), *_members(before, after), *_agreed(before, after)]


def _terms(before: Definition, after: Definition) -> Iterator[str]:
    if before.objective != after.objective:
        yield f"objective {_written(before.objective)} -> {_written(after.objective)}"
    if before.window != after.window:
        yield f"window {_span(before.window)} -> {_span(after.window)}"
    as_many = len(before.members) == len(after.members)
    if str(before.rule) != str(after.rule) and not (as_many and before.needed == after.needed):
        yield f"rule {before.rule} -> {after.rule}"


def _members(before: Definition, after: Definition) -> Iterator[str]:
    old, new = ({(each.check, each.vantage): each for each in side.members} for side in (before, after))
    for key in sorted(new.keys() - old.keys()):
        yield f"check added: {new[key].name}"
    for key in sorted(old.keys() - new.keys()):
        yield f"check removed: {old[key].name}"
    for key in sorted(old.keys() & new.keys()):
        for name in ("interval", "hold"):
            was, now = (cast("int", getattr(side[key], name)) for side in (old, new))
            if was != now:
                yield f"{name} of {new[key].name} {_span(was)} -> {_span(now)}"


def _agreed(before: Definition, after: Definition) -> Iterator[str]:
    old, new = json.loads(before.agreement), json.loads(after.agreement)
    for key in sorted({*old, *new}):
        if old.get(key) != new.get(key):
            yield f"{key.replace('_', ' ')} {_short(old.get(key))} -> {_short(new.get(key))}"


def _short(value: Any) -> str:
    return "none" if value is None else value if isinstance(value, str) else canonical(value)


def _span(length: int) -> str:
    return format_full_duration(length)
