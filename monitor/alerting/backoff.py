"""Exponential backoff between attempts to send a notification, and the circuit breaker of a receiver.

Delays are in microseconds. `jitter` is a random number in [0, 1).
"""

from __future__ import annotations

from typing import Final

from sla.interval import HOUR, MINUTE, SECOND

BASE_DELAY: Final = SECOND  # doubles with each failed attempt
MAX_DELAY: Final = 5 * MINUTE  # between two attempts
MAX_RETRY_AFTER: Final = HOUR  # the longest delay that a receiver can request
CIRCUIT_THRESHOLD: Final = 5  # consecutive failures that open the receiver's circuit
_MAX_DOUBLINGS: Final = 20  # bounds the power of 2; MAX_DELAY is reached earlier


def retry_delay(failures: int, jitter: float) -> int:
    """Return the delay before the next attempt after `failures` failed ones (full jitter)."""
    return max(1, int(jitter * _upper_delay(failures)))


def circuit_is_open(failures: int) -> bool:
    """Return whether the circuit of a receiver is open after consecutive failures."""
    return failures >= CIRCUIT_THRESHOLD


def open_circuit_delay(failures: int, jitter: float) -> int:
    """Return the delay before the next attempt on an open circuit: at least half of the backoff."""
    return int((0.5 + jitter / 2) * _upper_delay(failures))


def _upper_delay(failures: int) -> int:
    delay: int = BASE_DELAY * 2 ** min(failures, _MAX_DOUBLINGS)
    return min(MAX_DELAY, delay)
