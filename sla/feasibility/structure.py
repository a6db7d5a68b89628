"""Structures of parts: at least k of n members are up; members are parts or structures.

A part may occur several times and is still one part. `series` is k = n, `parallel` is k = 1.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(frozen=True, slots=True)
class AtLeast:
    """A structure that is up while at least `k` members are up; always up for k = 0."""

    k: int
    members: tuple[Structure, ...]


Structure: TypeAlias = "str | AtLeast"
"""A part by name, or a structure."""

ALWAYS_UP = AtLeast(0, ())


def series(*members: Structure) -> Structure:
    """Return the structure that is up while all members are; always up without members."""
    needed = tuple(m for m in members if m != ALWAYS_UP)
    return needed[0] if len(needed) == 1 else AtLeast(len(needed), needed)


def parallel(*members: Structure) -> Structure:
    """Return the structure that is up while any member is."""
    return members[0] if len(members) == 1 else AtLeast(1, members)


def names(structure: Structure) -> Iterator[str]:
    """Yield the parts in order, including repetitions."""
    if isinstance(structure, str):
        yield structure
    else:
        for member in structure.members:
            yield from names(member)
