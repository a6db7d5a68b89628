"""The states of single checks, unknown while they are paused (measurement.md, section 3)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sla.compose import Composition
from sla.eras import EVER, Era, Eras
from sla.paused_members import PausedTime
from sla.rule import Rule

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sla.pause import Pause
    from sla.state_history import History


class PausedStates:
    """The states of the checks that were paused, cached with the states that they have computed."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[History, Sequence[Pause], Eras]] = {}

    def of(self, key: str, states: History, pauses: Sequence[Pause]) -> History:
        """Return the states of a check: `states` if it was never paused. `pauses` are those of its product."""
        own = [pause for pause in pauses if pause.check in ("", key)]
        if not own:
            return states
        known = self._known.get(key)
        if known is None or known[0] is not states or known[1] != own:
            times = [PausedTime(pause.interval) for pause in own]
            known = states, own, Eras([Era(EVER, Composition(Rule(), [states]))], times)
            self._known[key] = known
        return known[2]
