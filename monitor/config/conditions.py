"""Conditions on a header, a cookie or a JSON value: syntax and evaluation."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from monitor.config.errors import quoted
from monitor.config.regex import Regex, regex

Scalar = str | int | float | bool | None


def equal(one: Any, other: Any) -> bool:
    """Return whether two values of JSON are the same: 1 is 1.0, but never `true`, which JSON keeps apart."""
    return isinstance(one, bool) is isinstance(other, bool) and bool(one == other)


def is_number(value: Any) -> bool:
    """Return whether a value of JSON is a number."""
    return isinstance(value, int | float) and not isinstance(value, bool)


@dataclass(frozen=True, slots=True)
class Condition:
    """A word and what it compares with, such as `<=` and 5."""

    word: str
    wanted: Any

    def holds(self, value: Any) -> bool:
        """Return whether it holds of the value; never of one that the word means nothing for."""
        return _WORDS[self.word].holds(value, self.wanted)

    def __str__(self) -> str:
        return f"{_WORDS[self.word].description}{_shown(self.wanted)}"


def _shown(wanted: Any) -> str:
    if isinstance(wanted, tuple):
        return (", " if wanted and not isinstance(wanted[0], Condition) else " and ").join(map(_shown, wanted))
    if isinstance(wanted, Condition):
        return str(wanted)
    return quoted(wanted.text if isinstance(wanted, Regex) else wanted)


@dataclass(frozen=True, slots=True)
class Conditions:
    """All that must hold of each value that was found. `exists: false`: that none is found.

    `optional`: nothing needs to be found.
    """

    every: tuple[Condition, ...] = ()
    exists: bool = True
    optional: bool = False

    def hold(self, found: Sequence[Any]) -> bool:
        """Return whether all of it holds of what was found."""
        if not found:
            return self.optional or not self.exists
        return self.exists and all(each.holds(value) for value in found for each in self.every)

    def __str__(self) -> str:
        if self.exists and self.every:
            return _shown(self.every)
        return "it to be there" if self.exists else "it not to be there"


# --- How the words are written ------------------------------------------------------------------------------------


def _number(value: Any) -> int | float:
    if not is_number(value):
        raise ValueError("compares with a number; write it without quotes")
    return value  # type: ignore[no-any-return]


def _scalar(value: Any) -> Scalar:
    if not isinstance(value, Scalar):
        raise ValueError("compares with a text, a number, true, false or null; put a date in quotes")
    return str(value) if isinstance(value, str) else value


def _choice(value: Any) -> tuple[Scalar, ...]:
    if not isinstance(value, list | tuple) or not value:
        raise ValueError("takes a list, e.g. [up, degraded]")
    return tuple(map(_scalar, value))


def _text(value: Any) -> str:
    if not isinstance(value, str) or not value:
        raise ValueError("takes a text in quotes")
    return str(value)


def _count(value: Any) -> tuple[Condition, ...]:
    written = value if isinstance(value, Mapping) else {"==": value}
    if not written or not set(written) <= set(_COUNTING):
        raise ValueError('takes a number, or e.g. {">": 0}')
    for word, number in written.items():
        if not is_number(number) or isinstance(number, float) or number < (word == "<"):
            raise ValueError(
                f"no length is {_WORDS[word].description}{quoted(number)}; write a whole number without quotes"
            )
    return tuple(Condition(word, number) for word, number in written.items())


# --- What they mean -----------------------------------------------------------------------------------------------


def _spelled(value: Any) -> bytes | None:
    """Return a single value as the text that an expression is held against."""
    if isinstance(value, dict | list):
        return None
    return (value if isinstance(value, str) else json.dumps(value)).encode(errors="replace")


def _matches(value: Any, wanted: Regex) -> bool:
    spelled = _spelled(value)
    return spelled is not None and wanted.search(spelled)


def _matches_not(value: Any, wanted: Regex) -> bool:
    spelled = _spelled(value)
    return spelled is not None and not wanted.search(spelled)


def _contains(value: str, wanted: str) -> bool:
    return wanted.casefold() in value.casefold()


def _of_length(value: Any, wanted: tuple[Condition, ...]) -> bool:
    return isinstance(value, str | list | dict) and all(each.holds(len(value)) for each in wanted)


@dataclass(frozen=True, slots=True)
class _Word:
    written: Callable[[Any], Any]
    holds: Callable[[Any, Any], bool]
    description: str


_WORDS: Mapping[str, _Word] = {
    "<": _Word(_number, lambda value, wanted: is_number(value) and value < wanted, "< "),
    "<=": _Word(_number, lambda value, wanted: is_number(value) and value <= wanted, "<= "),
    ">": _Word(_number, lambda value, wanted: is_number(value) and value > wanted, "> "),
    ">=": _Word(_number, lambda value, wanted: is_number(value) and value >= wanted, ">= "),
    "==": _Word(_scalar, equal, ""),
    "!=": _Word(_scalar, lambda value, wanted: not equal(value, wanted), "other than "),
    "in": _Word(_choice, lambda value, wanted: any(equal(value, each) for each in wanted), "one of "),
    "matches": _Word(regex, _matches, "to match "),
    "not_matches": _Word(regex, _matches_not, "not to match "),
    "contains": _Word(_text, _contains, "to contain "),
    "not_contains": _Word(_text, lambda value, wanted: not _contains(value, wanted), "not to contain "),
    "length": _Word(_count, _of_length, "a length of "),
}
_COUNTING = ("<", "<=", ">", ">=", "==", "!=")
_FLAGS = ("exists", "optional")
OF_JSON = (*_COUNTING, "in", "matches", "not_matches", "length", *_FLAGS)
OF_HEADERS = ("contains", "not_contains", "matches", "not_matches", *_FLAGS)


def conditions(written: Mapping[str, Any], allowed: Sequence[str]) -> Conditions:
    """Return the conditions that are written, such as `{">": 5}`.

    Where all of a header's are negative, it may also be missing, unless `exists: true`.

    Raises:
        ValueError: one is not among the words allowed, takes something else, or contradicts another.
    """
    for word in written:
        if word not in allowed:
            raise ValueError(f"{quoted(word)} is no condition; write one of {', '.join(allowed)}")
    flags = {word: written[word] for word in _FLAGS if word in written}
    if not written or not all(isinstance(flag, bool) for flag in flags.values()):
        raise ValueError("exists and optional are true or false" if written else "names no condition")
    every = tuple(_condition(word, wanted) for word, wanted in written.items() if word not in flags)
    if flags.get("exists") is False and len(written) > 1:
        raise ValueError("what is not to exist has no other condition; leave exists: false alone, or out")
    if flags.get("optional") and not every:
        raise ValueError("optional alone asks for nothing; add a condition")
    lenient = allowed is OF_HEADERS and all(each.word.startswith("not_") for each in every)
    return Conditions(every, flags.get("exists", True), flags.get("optional", lenient and "exists" not in flags))


def _condition(word: str, wanted: Any) -> Condition:
    try:
        return Condition(word, _WORDS[word].written(wanted))
    except ValueError as error:
        raise ValueError(f"{word}: {error}") from None
