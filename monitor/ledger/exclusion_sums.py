"""Cache sums of each product's exclusions, so that a window's figures do not iterate over all of them."""

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
class _CachedSums:
    """The sums of a product, with the histories that they depend on and the revisions of these."""

    sums: ExcludedSums
    histories: Sequence[Eras]
    revisions: list[tuple[int, ...]]


class ExclusionSums:
    """Sums of the products' exclusions, up to two days before the newest observation.

    `excluded` returns the exclusions of a product in a window. `histories` returns the histories that these depend on,
    beginning with the product's history. Call `clear` or `forget` when the configuration or facts change; the sums are
    also recomputed when past states of a history change.
    """

    GRID: ClassVar[int] = DAY  # sums start and end at multiples of it, so that all windows of one day can share them

    def __init__(
        self,
        excluded: Callable[[str, Interval], Iterable[Exclusion]],
        histories: Callable[[str], Sequence[Eras]],
    ) -> None:
        self._excluded = excluded
        self._histories = histories
        self._cache: dict[str, _CachedSums] = {}

    def clear(self) -> None:
        """Forget all sums."""
        self._cache.clear()

    def forget(self, product_ids: Iterable[str]) -> None:
        """Forget the sums of the products, because facts changed their exclusions."""
        for product_id in product_ids:
            self._cache.pop(product_id, None)

    def after(self, product_id: str, window: Interval) -> AfterExclusions:
        """Return the window of the product without its exclusions."""
        cached = self._cache.get(product_id)
        histories = self._histories(product_id) if cached is None else cached.histories
        revisions = [history.revision for history in histories]
        product_history = histories[0]
        fixed_until = product_history.fixed_until
        fixed = self._grid(window.start if fixed_until is None else fixed_until)
        if fixed <= window.start:
            return AfterExclusions(product_history, [self._sums(product_id, product_history, window)])
        if cached is None or cached.revisions != revisions or cached.sums.start > window.start:
            cached = self._cache[product_id] = _CachedSums(
                ExcludedSums(product_history, self._grid(window.start)), histories, revisions
            )
        if cached.sums.end < fixed:
            self._extend(product_id, cached.sums, fixed)
        if cached.sums.end >= window.end:
            return AfterExclusions(product_history, [cached.sums])
        rest = self._sums(product_id, product_history, Interval(cached.sums.end, window.end))
        return AfterExclusions(product_history, [cached.sums, rest])

    def _sums(self, product_id: str, product_history: Eras, window: Interval) -> ExcludedSums:
        intervals = (exclusion.interval for exclusion in self._excluded(product_id, window))
        return ExcludedSums.of(product_history, window, intervals)

    def _extend(self, product_id: str, sums: ExcludedSums, until: int) -> None:
        exclusions = self._excluded(product_id, Interval(sums.end, until))
        sums.extend(until, (exclusion.interval for exclusion in exclusions))

    def _grid(self, at: int) -> int:
        return at // self.GRID * self.GRID
