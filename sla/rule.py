"""The rule of a product: the number of members that must be up (measurement.md, section 3)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sla.states import State

if TYPE_CHECKING:
    from collections.abc import Sequence

_AT_LEAST = re.compile(r"(?:at[_ ]least )?(\d+)")


@dataclass(frozen=True, slots=True)
class Rule:
    """The number of members that must be up for the product to be up. `k` None means all members.

    Raises:
        ValueError: k is below 1.
    """

    k: int | None = None

    def __post_init__(self) -> None:
        if self.k is not None and self.k < 1:
            raise ValueError(f"at least {self.k} of the members up is always true; use all, any, or a number from 1")

    @classmethod
    def parse(cls, text: str | int) -> Rule:
        """Parse a rule: `all`, `any`, `at_least 2` or 2.

        Raises:
            ValueError: the text has another form.
        """
        rule_text = str(text).strip().lower()
        if rule_text in _NAMED_RULES:
            return _NAMED_RULES[rule_text]
        if not (number := _AT_LEAST.fullmatch(rule_text)):
            raise ValueError(f'"{text}" is not a rule; use all, any, or at_least 2')
        return cls(int(number[1]))

    def needed(self, members: int) -> int:
        """Return the number of members that must be up.

        Raises:
            ValueError: there are no members, or fewer than the rule needs.
        """
        if members < (self.k or 1):
            raise ValueError(f"the rule {self} needs {self.k or 1} or more members, there are {members}")
        return members if self.k is None else self.k

    def __str__(self) -> str:
        return {None: "all", 1: "any"}.get(self.k, f"at_least {self.k}")


_NAMED_RULES = {"all": Rule(None), "any": Rule(1)}
# Constants, because accessing an attribute of an enumeration takes ten times as long.
_UP, _DOWN = State.UP, State.DOWN


def decide(by_state: Sequence[int], k: int) -> State:
    """Return the state of the product from the number of members in each State.

    It is up if k members are up, and down if fewer than k members are not down. Otherwise it is unknown if any member
    is unknown, else in doubt, with the point state that the rule gives for the members' point states.
    """
    unknown, up, down, doubt_up, _, guess_up, guess_down = by_state
    if up >= k:
        return _UP
    if sum(by_state) - down < k:
        return _DOWN
    if unknown or guess_up or guess_down:
        return _guess(by_state, k)
    return State.DOUBT_UP if up + doubt_up >= k else State.DOUBT_DOWN


def _guess(by_state: Sequence[int], k: int) -> State:
    """Return the guess for a product with an unknown state, or UNKNOWN (measurement.md, section 3).

    Of n members, m are known or have a guess. The rule is scaled to these m members, rounded down and up. If both
    scaled rules give the same state for the members' point states and guesses, this state is the guess.
    """
    n = sum(by_state)
    m = n - by_state[State.UNKNOWN]
    up = by_state[State.UP] + by_state[State.DOUBT_UP] + by_state[State.GUESS_UP]
    if m and up >= -(-k * m // n):
        return State.GUESS_UP
    return State.GUESS_DOWN if m and up < max(1, k * m // n) else State.UNKNOWN
