"""Decide whether a latency objective's budget burns too fast.

Latencies are counted by day, so the long look-back begins at the start of yesterday (at the earliest when the objective
began to apply). The short one begins at the start of today, once SHORT_LOOK_BACK of the day has passed; until then it
is the long one, so that the first answers after midnight do not decide.
"""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Final

from sla.interval import HOUR

if TYPE_CHECKING:
    from sla.latency_objective import Fast, MeasuredLatency

ALERT: Final = "NinewatchLatencyBudgetBurns"
# Of the window's budget, as the slowest policy of `sla.alerting.BURN_POLICIES`.
BUDGET_FRACTION: Final = Fraction(10, 100)
SHORT_LOOK_BACK: Final = 6 * HOUR  # the shortest short look-back, as that policy's
MIN_SLOW: Final = 2  # slow answers in the long look-back, so that one slow answer does not cause an alert


def short_since(midnight: int, recent_since: int, now: int) -> int:
    """Return the start of the short look-back. `midnight` is the start of today."""
    return max(midnight, recent_since) if now - midnight >= SHORT_LOOK_BACK else recent_since


def latency_burn(measured: MeasuredLatency, expected: Fraction) -> Fraction | None:
    """Return the burn rate of the long look-back if the alert fires, 0 if it does not fire.

    It fires if the long look-back contains two certainly slow answers and has spent the fraction of the budget, and the
    burn rate of both look-backs reaches 1 and the factor that spends the fraction in this time. `expected` is the
    number of answers in a window of the objective if each probe is answered, so that few answers after a start do not
    cause an alert. None without answers in one of the look-backs: an alert that fires continues.
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


def _slow_share(answers: Fast) -> Fraction:
    return 1 - answers.point
