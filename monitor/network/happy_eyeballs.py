"""Try a host's addresses as in RFC 8305 (happy eyeballs), so that a dead address does not hide a live one.

The next address is tried when a connection attempt fails, or after 250 ms; the first success is used and the others are
cancelled. A single address is tried directly.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from itertools import chain, zip_longest
from typing import TYPE_CHECKING, Generic, TypeVar

from monitor.network.failure import ProbeFailure
from sla.observation import Outcome

if TYPE_CHECKING:
    from monitor.network.attempt import Attempt
    from monitor.network.resolver import Address

T = TypeVar("T")

ATTEMPT_DELAY = 0.25  # seconds between connection attempts (RFC 8305, 5)
_MIN_DELAY = 0.01  # minimum of RFC 8305
_IN_PROGRESS = "deadline"  # reported for an address still being tried at the deadline

# Reasons that give no information about the host, by precedence among themselves.
_NOT_CONNECTED_REASONS = ("no_route", "address_denied")


def interleave(addresses: list[Address]) -> list[Address]:
    """Return the addresses with alternating families, in order within each family (RFC 8305, 4)."""
    if len(addresses) < 3:
        return addresses
    first_family = [address for address in addresses if address[0] == addresses[0][0]]
    other_family = [address for address in addresses if address[0] != addresses[0][0]]
    return [address for address in chain.from_iterable(zip_longest(first_family, other_family)) if address is not None]


async def first_success(
    attempt: Attempt,
    addresses: Sequence[Address],
    connect: Callable[[Address], Awaitable[T]],
    discard: Callable[[T], object] = bool,
) -> T:
    """Return the result of the first `connect` that succeeds; `discard` receives the result of a later success.

    Raises:
        ProbeFailure: all failed; see `Race.run`.
    """
    if len(addresses) == 1:
        return await connect(addresses[0])
    return await Race(attempt, addresses, connect, discard).run()


class Race(Generic[T]):
    """Concurrent attempts to connect to one or more addresses."""

    def __init__(
        self,
        attempt: Attempt,
        addresses: Sequence[Address],
        connect: Callable[[Address], Awaitable[T]],
        discard: Callable[[T], object] = bool,
    ) -> None:
        self._attempt, self._try_address, self._discard = attempt, connect, discard
        self._addresses = list(dict.fromkeys(addresses))
        self._running: dict[asyncio.Future[T], Address] = {}
        self._failures: dict[Address, ProbeFailure] = {}
        self._claimed: asyncio.Future[Address] = asyncio.get_running_loop().create_future()

    def claim(self, address: Address) -> None:
        """Select an address whose `connect` continues, for example to log in over the established connection."""
        if not self._claimed.done():
            self._claimed.set_result(address)

    async def run(self) -> T:
        """Return the result of the first attempt that succeeds or claims the race.

        Raises:
            ProbeFailure: the failure of the attempt that claimed; or, if all failed, a detail with each address and
                its reason. The reason is that of the last address; a failure of this machine takes precedence. An
                address without a route, or denied by policy, counts only if there is no other.
        """
        if len(self._addresses) == 1:
            return await self._try_address(self._addresses[0])
        try:
            result = await self._result()
        except asyncio.CancelledError:
            self._attempt.failed_addresses = self._tried_addresses()
            self._attempt.attempts = self._attempts_text()
            raise
        except ProbeFailure:
            self._attempt.failed_addresses = self._tried_addresses()
            raise
        finally:
            await self._cancel_others()
        self._attempt.response_unread = False  # a cancelled task may have set it
        return result

    async def _result(self) -> T:
        delay = self._delay()
        for address in self._addresses:
            self._running[asyncio.ensure_future(self._try_address(address))] = address
            last = len(self._running) + len(self._failures) == len(self._addresses)
            while self._running:
                winner = await self._winner(None if last else delay)
                if winner is not None:
                    return await self._result_of(winner)
                if not last:
                    break
        raise self._combined_failure()

    def _delay(self) -> float:
        """Return the seconds between attempts; all start within the first half of the remaining time."""
        return max(_MIN_DELAY, min(ATTEMPT_DELAY, self._attempt.seconds_left() / (2 * len(self._addresses))))

    async def _winner(self, seconds: float | None) -> asyncio.Future[T] | None:
        """Return the task that decides the race, None if one failed or none finished within `seconds`."""
        waited: set[asyncio.Future[object]] = {*self._running, self._claimed}  # type: ignore[arg-type]
        await asyncio.wait(waited, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        if self._claimed.done():
            return next(task for task, address in self._running.items() if address == self._claimed.result())
        for task, address in list(self._running.items()):
            if not task.done():
                continue
            if not isinstance(error := task.exception(), ProbeFailure):
                return task
            self._failures[address] = error
            del self._running[task]
        return None

    async def _result_of(self, winner: asyncio.Future[T]) -> T:
        self._attempt.peer = self._running[winner]
        self._failures.clear()
        await self._cancel_others(winner)
        result = await winner
        del self._running[winner]
        return result

    async def _cancel_others(self, winner: asyncio.Future[T] | None = None) -> None:
        """Cancel all running tasks except the winner, and keep `response_unread` if a task set it."""
        waiting = False
        for task in [task for task in self._running if task is not winner]:
            task.cancel()
            await asyncio.wait([task])
            waiting |= self._attempt.response_unread
            if not task.cancelled() and task.exception() is None:
                self._discard(task.result())
            del self._running[task]
        self._attempt.response_unread |= waiting

    def _tried_addresses(self) -> list[Address]:
        return [*self._failures, *self._running.values()]

    def _combined_failure(self) -> ProbeFailure:
        failures = [self._failures[address] for address in self._addresses]
        for reason in reversed(_NOT_CONNECTED_REASONS):
            failures = [failure for failure in failures if failure.reason != reason] or failures
        unknown = [failure for failure in failures if failure.outcome is Outcome.UNKNOWN]
        last = (unknown or failures)[-1]
        return ProbeFailure(last.reason, self._attempts_text(), outcome=last.outcome, status=last.status)

    def _attempts_text(self) -> str:
        """Return the addresses that were tried, with their reasons."""
        reasons = dict.fromkeys(self._running.values(), _IN_PROGRESS)
        reasons |= {address: failure.reason for address, failure in self._failures.items()}
        return "; ".join(f"{address[1][0]} {reasons[address]}" for address in self._addresses if address in reasons)
