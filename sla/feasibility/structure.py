"""Structures of parts. A structure is up while at least k of its n members are up; a member is a part or a structure.

A part may occur several times and is the same part each time. `series` has k = n, `parallel` has k = 1.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(frozen=True, slots=True)
class AtLeast:
    """A structure that is up while at least `k` members are up. It is always up for k = 0."""

    k: int
    members: tuple[Structure, ...]


Structure: TypeAlias = "str | AtLeast"
"""The name of a part, or a structure."""

ALWAYS_UP = AtLeast(0, ())


def series(*members: Structure) -> Structure:
    """Return the structure that is up while all members are up. It is always up without members."""
    required = tuple(m for m in members if m != ALWAYS_UP)
    return required[0] if len(required) == 1 else AtLeast(len(required), required)


def parallel(*members: Structure) -> Structure:
    """Return the structure that is up while any member is up."""
    return members[0] if len(members) == 1 else AtLeast(1, members)


def names(structure: Structure) -> Iterator[str]:
    """Yield the names of the parts in order, including repetitions."""
    if isinstance(structure, str):
        yield structure
    else:
        for member in structure.members:
            yield from names(member)
