"""What has to be up for a whole to be up: at least k of n, of parts or of such wholes, in which a part may occur often.

A part that occurs twice is one part. The field's names: `series` is k = n, `parallel` is k = 1.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(frozen=True, slots=True)
class AtLeast:
    """Up while at least `k` of the members are up; with k = 0 it always is."""

    k: int
    members: tuple[Structure, ...]


Structure: TypeAlias = "str | AtLeast"
"""A part, by its name, or a whole made of such."""

ALWAYS_UP = AtLeast(0, ())


def series(*members: Structure) -> Structure:
    """Return what is up while all members are; of none, what always is."""
    needed = tuple(m for m in members if m != ALWAYS_UP)
    return needed[0] if len(needed) == 1 else AtLeast(len(needed), needed)


def parallel(*members: Structure) -> Structure:
    """Return what is up while any member is."""
    return members[0] if len(members) == 1 else AtLeast(1, members)


def names(structure: Structure) -> Iterator[str]:
    """Yield the parts in the order written, one that occurs often as often."""
    if isinstance(structure, str):
        yield structure
    else:
        for member in structure.members:
            yield from names(member)
