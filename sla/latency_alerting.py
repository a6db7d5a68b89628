"""Decide whether a latency objective's budget burns too fast.

Latencies are counted by day, so the long look-back begins at the start of yesterday, or when the objective began to
apply if that is later. The short look-back begins at the start of today; until SHORT_LOOK_BACK has passed it equals the
long one, so that a few responses after midnight do not decide.
"""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Final

from sla.interval import HOUR

if TYPE_CHECKING:
    from sla.latency_objective import Fast, MeasuredLatency

ALERT: Final = "NinewatchLatencyBudgetBurns"
# Share of the window's budget, as in the slowest policy of `sla.alerting.BURN_POLICIES`.
BUDGET_FRACTION: Final = Fraction(10, 100)
SHORT_LOOK_BACK: Final = 6 * HOUR  # minimum length of the short look-back, as in that policy
MIN_SLOW: Final = 2  # slow responses in the long look-back; one slow response must not cause an alert


def short_since(midnight: int, recent_since: int, now: int) -> int:
    """Return the start of the short look-back. `midnight` is the start of today."""
    return max(midnight, recent_since) if now - midnight >= SHORT_LOOK_BACK else recent_since


def latency_burn(measured: MeasuredLatency, expected: Fraction) -> Fraction | None:
    """Return the burn rate of the long look-back if the alert fires, 0 if it does not fire.

    It fires if the long look-back has two certainly slow responses and spent the fraction of the budget, and the burn
    rate of both look-backs reaches 1 and the rate that spends the fraction in this time. `expected` is the number of
    responses in a complete window if every probe gets one, so that a few responses after a start do not cause an alert.
    None if a look-back has no responses: an alert then stays as it is.
    """
    recent, short = measured.recent, measured.short
    if not (recent.count and short.count):
        return None
    allowed, length = measured.objective.allowed, measured.window.end - measured.recent_since
    factor = max(Fraction(1), BUDGET_FRACTION * measured.window_length / length)
    burn = _slow_share(recent) / allowed
    fires = (
        recent.count - recent.high >= MIN_SLOW
        and _slow_share(recent) * recent.count >= BUDGET_FRACTION * allowed * expected
        and burn >= factor
        and _slow_share(short) / allowed >= factor
    )
    return burn if fires else Fraction(0)


def _slow_share(fast: Fast) -> Fraction:
    return 1 - fast.point
