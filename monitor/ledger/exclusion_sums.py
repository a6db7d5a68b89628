"""Cache sums of each product's exclusions, so that the figures of a window do not require an iteration over them."""

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
    """Sums of the products' exclusions, up to two days before the last observation, and of future exclusions.

    `excluded` returns the exclusions of a product in a window. `histories` returns the histories that they depend on,
    beginning with the product's history. Call `clear` or `forget` when the configuration or facts change. The sums are
    also recomputed when past states of a history change.
    """

    GRID: ClassVar[int] = DAY  # sums start and end at multiples of this, so that all windows of a day can share them

    def __init__(
        self,
        excluded: Callable[[str, Interval], Iterable[Exclusion]],
        histories: Callable[[str], Sequence[Eras]],
    ) -> None:
        self._excluded = excluded
        self._histories = histories
        self._cache: dict[str, _CachedSums] = {}
        self._future: dict[str, tuple[tuple[Interval, int], ExcludedSums]] = {}

    def clear(self) -> None:
        """Forget all sums."""
        self._cache.clear()
        self._future.clear()

    def forget(self, product_ids: Iterable[str]) -> None:
        """Forget the sums of the products, because facts changed their exclusions."""
        for product_id in product_ids:
            self._cache.pop(product_id, None)
            self._future.pop(product_id, None)

    def after(self, product_id: str, window: Interval, measured_to: int | None = None) -> AfterExclusions:
        """Return the window of the product without its exclusions.

        Only lengths are valid after `measured_to`, if it is specified: the future part of a calendar window.
        """
        if measured_to is None or (split := self._grid(measured_to) + self.GRID) >= window.end:
            return AfterExclusions(*self._history_and_sums(product_id, window))
        history, sums = self._history_and_sums(product_id, Interval(window.start, split))
        return AfterExclusions(history, [*sums, self._future_sums(product_id, history, Interval(split, window.end))])

    def _future_sums(self, product_id: str, history: Eras, window: Interval) -> ExcludedSums:
        """Return the sums of a future window, which depend on the agreement and on facts only."""
        key = window, history.decided_until(window.start)
        known = self._future.get(product_id)
        if known is None or known[0] != key:
            known = self._future[product_id] = key, self._sums(product_id, history, window)
        return known[1]

    def _history_and_sums(self, product_id: str, window: Interval) -> tuple[Eras, list[ExcludedSums]]:
        """Return the history of the product and the sums of the window."""
        cached = self._cache.get(product_id)
        histories = self._histories(product_id) if cached is None else cached.histories
        revisions = [history.revision for history in histories]
        product_history = histories[0]
        fixed_until = product_history.fixed_until
        fixed = self._grid(window.start if fixed_until is None else fixed_until)
        if fixed <= window.start:
            return product_history, [self._sums(product_id, product_history, window)]
        if cached is None or cached.revisions != revisions or cached.sums.start > window.start:
            cached = self._cache[product_id] = _CachedSums(
                ExcludedSums(product_history, self._grid(window.start)), histories, revisions
            )
        if cached.sums.end < fixed:
            self._extend(product_id, cached.sums, fixed)
        if cached.sums.end >= window.end:
            return product_history, [cached.sums]
        rest = self._sums(product_id, product_history, Interval(cached.sums.end, window.end))
        return product_history, [cached.sums, rest]

    def _sums(self, product_id: str, product_history: Eras, window: Interval) -> ExcludedSums:
        intervals = (exclusion.interval for exclusion in self._excluded(product_id, window))
        return ExcludedSums.of(product_history, window, intervals)

    def _extend(self, product_id: str, sums: ExcludedSums, until: int) -> None:
        exclusions = self._excluded(product_id, Interval(sums.end, until))
        sums.extend(until, (exclusion.interval for exclusion in exclusions))

    def _grid(self, at: int) -> int:
        return at // self.GRID * self.GRID
