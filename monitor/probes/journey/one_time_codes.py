"""Generate one-time codes. A code is sent at most once."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Final

import structlog

from monitor.append_only_file import replace_file
from monitor.errors import NinewatchError
from monitor.network.failure import ProbeFailure
from sla.interval import SECOND
from sla.observation import Outcome

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from monitor.config.totp import Totp
    from monitor.network.attempt import Attempt

log = structlog.get_logger()

KEPT_TIME_STEPS: Final = 20  # number of used time steps that are stored per key; services accept two or three
TIME_FOR_REQUEST: Final = 5.0  # seconds that must be left for a request after a wait, or half of the time if less
_OWNER_ONLY: Final = 0o600


class UsedCodes:
    """The used time steps of each setup key, by its fingerprint.

    They are stored in a file, so that a code is not sent again after a restart. Without a file, the code of the time
    step in which a code is first needed is not used, because an earlier process may have sent it.
    """

    def __init__(self, path: Path | None = None) -> None:
        self._path = path
        self._used: dict[str, list[int]] = {}
        self._lock = asyncio.Lock()
        self._read()

    def _read(self) -> None:
        try:
            text = "{}" if self._path is None else self._path.read_text("utf-8")
            self._used = {str(key): [int(step) for step in steps] for key, steps in json.loads(text).items()}
        except FileNotFoundError:
            return
        except (OSError, ValueError, TypeError, AttributeError) as error:
            log.warning("used_codes_unreadable", file=str(self._path), error=type(error).__name__)
            self._path = None

    async def take(self, totp: Totp, attempt: Attempt) -> str:
        """Return a code that was not used before. If the current code was used, wait for the next time step.

        Raises:
            ProbeFailure: `code_used` (the next code is too late) or `intent_unwritten`, with the outcome unknown.
        """
        used = self._used.setdefault(totp.fingerprint, [])
        if not used and self._path is None:
            used.append(totp.step_at(attempt.now()))
        step = _first_unused(totp.step_at(attempt.now()), used)
        wait = max(0, step * totp.period - attempt.now()) / SECOND
        _check_time(wait, attempt.seconds_left())
        # Before the first await, so that a concurrent run takes another code.
        used[:] = [*used, step][-KEPT_TIME_STEPS:]
        await self._store()
        await asyncio.sleep(wait)
        return totp.code(step)

    async def _store(self) -> None:
        if self._path is None:
            return
        try:
            async with self._lock:
                await asyncio.to_thread(replace_file, self._path, json.dumps(self._used) + "\n", mode=_OWNER_ONLY)
        except NinewatchError as error:
            raise ProbeFailure("intent_unwritten", str(error), outcome=Outcome.UNKNOWN) from None


def _first_unused(step: int, used: Sequence[int]) -> int:
    while step in used:
        step += 1
    return step


def _check_time(wait: float, seconds_left: float) -> None:
    """Check that there is time for the request after the wait."""
    if wait and seconds_left - wait < min(TIME_FOR_REQUEST, seconds_left / 2):
        detail = f"the current code was used; the next one is valid in {wait:.3g} s, too late for the deadline"
        raise ProbeFailure("code_used", detail, outcome=Outcome.UNKNOWN)
