"""Stop the probes of paused checks, and start them again when the pause ends."""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog

if TYPE_CHECKING:
    from collections.abc import Callable

    from monitor.clock import Clock
    from monitor.ledger.ledger import Ledger

log = structlog.get_logger()


def paused_keys(ledger: Ledger, now: int) -> frozenset[str]:
    """Return the keys of the checks that are paused at the instant or disabled, including those of sites."""
    return frozenset(
        entry.key
        for entry in ledger.probed_entries()
        if not (entry.check.enabled and entry.product.enabled) or ledger.facts.pause(entry.key, now) is not None
    )


class PauseManager:
    """Follows the pauses. `set_paused` is called with the keys of the paused checks when they change."""

    def __init__(self, ledger: Ledger, clock: Clock, set_paused: Callable[[frozenset[str]], None]) -> None:
        self._ledger, self._clock, self._set_paused = ledger, clock, set_paused
        self._paused: frozenset[str] = frozenset()

    def update(self) -> None:
        """Apply the current pauses. Called about once per second and after each reload."""
        paused = paused_keys(self._ledger, self._clock.now())
        if paused or self._paused:
            for entry in self._ledger.probed_entries():
                if entry.paused is not (entry.key in paused):
                    entry.set_paused(paused=not entry.paused)
        if paused != self._paused:
            log.info("pauses_changed", paused=sorted(paused - self._paused), resumed=sorted(self._paused - paused))
            self._paused = paused
            self._set_paused(paused)
