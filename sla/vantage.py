"""Decide from the results of references whether a vantage can observe, per address family.

References are targets outside of the products. Far ones are beyond the local network. Near ones (gateway, resolvers)
show where a connection fails, and decide only if there are no far ones. A family is blind if all its deciding
references failed. A bad outcome of a blind vantage becomes `unknown`, because it says nothing about the target
(measurement.md, section 1). A good outcome is never changed.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from sla.interval import SECOND

IP4, IP6 = "ip4", "ip6"
FAMILIES: Final = (IP4, IP6)
BLIND_REASON: Final = "vantage_blind"
CLOCK_REASON: Final = "vantage_clock"
MAX_CLOCK_OFFSET: Final = 5 * SECOND


@dataclass(frozen=True, slots=True)
class ReferenceAnswer:
    """The result of one reference. `families` are the address families that may be used to connect to it.

    `reached` are the families over which it answered: empty if it failed, None while its answer is pending.
    """

    near: bool
    families: frozenset[str]
    reached: frozenset[str] | None


def deciding_references(answers: Sequence[ReferenceAnswer]) -> list[ReferenceAnswer]:
    """Return the far references, or the near ones if there are no far ones."""
    return [answer for answer in answers if not answer.near] or list(answers)


def observable_families(answers: Sequence[ReferenceAnswer]) -> dict[str, bool | None]:
    """Return for each address family whether the vantage can observe; None while undecided.

    Families without evidence are absent. A reference of both families (a name) that answered over one of them is not
    evidence about the other. If it failed while another reference answered, the fault may be its own, so its failure is
    evidence only if no reference answered.
    """
    decisive = deciding_references(answers)
    reached_families = frozenset[str]().union(*(answer.reached or () for answer in decisive))
    observes: dict[str, bool | None] = {}
    for family in FAMILIES:
        if family in reached_families:
            observes[family] = True
            continue
        of_family = [answer for answer in decisive if family in answer.families]
        failed = [answer for answer in of_family if answer.reached is not None and not answer.reached]
        own = any(len(answer.families) == 1 for answer in failed)
        waits_for = of_family if own or reached_families else decisive
        if of_family and any(answer.reached is None for answer in waits_for):
            observes[family] = None
        elif own or (failed and not reached_families):
            observes[family] = False
    return observes


def is_hidden(observes: Mapping[str, bool | None], tried_families: Collection[str]) -> bool | None:
    """Return whether blindness explains a failure of a target tried over these families; None while undecided.

    `observes` is the result of `observable_families`. If no tried family has evidence, or none was tried (a failed name
    lookup), all families decide.
    """
    relevant = [observes[family] for family in tried_families if family in observes] or list(observes.values())
    if True in relevant:
        return False
    if None in relevant:
        return None
    return bool(relevant)


def blind_families(observes: Mapping[str, bool | None]) -> tuple[str, ...]:
    """Return the families over which the vantage is certainly blind."""
    return tuple(family for family, sees in observes.items() if sees is False)


@dataclass(frozen=True, slots=True)
class ClockOffset:
    """By how much a vantage's clock is behind its centre's, and the maximum error of that, in microseconds."""

    offset: int
    error: int

    @property
    def certain(self) -> int:
        """The part of the offset that is not explained by the error of its measurement. Negative if it is ahead."""
        size = max(0, abs(self.offset) - self.error)
        return size if self.offset > 0 else -size


def max_clock_offset(interval: int) -> int:
    """Return the offset of a vantage's clock (microseconds) up to which its observations of a check are used.

    It is a quarter of the check's interval, at most 5 s. With a larger offset, they are unknown: the states of the
    vantages would be combined at different instants.

    >>> max_clock_offset(2_000_000), max_clock_offset(60_000_000)
    (500000, 5000000)
    """
    return min(MAX_CLOCK_OFFSET, interval // 4)
