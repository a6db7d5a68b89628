"""Keep, for each product, sums of what its agreement excludes of the past, so that a window does not walk over it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from sla.after_exclusions import AfterExclusions, ExcludedSums
from sla.interval import DAY, Interval

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from sla.eras import Eras
    from sla.exclusion import Exclusion


@dataclass(slots=True)
class _Kept:
    """The sums of a product, of which histories they are made, and the revision of each."""

    sums: ExcludedSums
    histories: Sequence[Eras]
    revisions: list[tuple[int, ...]]


class ExclusionSums:
    """What the products' agreements exclude, summed up to two days before the newest observation.

    `excluded` returns what is excluded of a product's window, `histories` those that this depends on, the product's own
    first. The sums are dropped by `clear` when facts or configuration change, and when one of the histories has other
    states in the past.
    """

    GRID: ClassVar[int] = DAY  # sums begin and end at its multiples, and so serve the windows of a whole day

    def __init__(
        self,
        excluded: Callable[[str, Interval], Iterable[Exclusion]],
        histories: Callable[[str], Sequence[Eras]],
    ) -> None:
        self._excluded = excluded
        self._histories = histories
        self._kept: dict[str, _Kept] = {}

    def clear(self) -> None:
        """Forget all sums."""
        self._kept.clear()

    def forget(self, product_ids: Iterable[str]) -> None:
        """Forget the sums of the products whose facts exclude something else now."""
        for name in product_ids:
            self._kept.pop(name, None)

    def after(self, product_id: str, window: Interval) -> AfterExclusions:
        """Return what is left of the window after the exclusions of the product's agreement."""
        kept = self._kept.get(product_id)
        histories = self._histories(product_id) if kept is None else kept.histories
        revisions = [each.revision for each in histories]
        own = histories[0]
        fixed = self._grid(own.fixed_until if own.fixed_until is not None else window.start)
        if fixed <= window.start:
            return AfterExclusions(own, [self._sums(product_id, own, window)])
        if kept is None or kept.revisions != revisions or kept.sums.start > window.start:
            kept = self._kept[product_id] = _Kept(ExcludedSums(own, self._grid(window.start)), histories, revisions)
        if kept.sums.end < fixed:
            self._extend(product_id, kept.sums, fixed)
        if kept.sums.end >= window.end:
            return AfterExclusions(own, [kept.sums])
        rest = self._sums(product_id, own, Interval(kept.sums.end, window.end))
        return AfterExclusions(own, [kept.sums, rest])

    def _sums(self, product_id: str, own: Eras, window: Interval) -> ExcludedSums:
        return ExcludedSums.of(own, window, (each.interval for each in self._excluded(product_id, window)))

    def _extend(self, product_id: str, sums: ExcludedSums, until: int) -> None:
        found = self._excluded(product_id, Interval(sums.end, until))
        sums.extend(until, (each.interval for each in found))

    def _grid(self, at: int) -> int:
        return at // self.GRID * self.GRID
