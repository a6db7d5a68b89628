"""One attempt: the deadline, the classification of failures, and the effect of a stalled event loop."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import resource
import socket
import threading
import time
from typing import TYPE_CHECKING

import pytest
from pydantic import ValidationError

from monitor.clock import SystemClock
from monitor.engine.loop_monitor import GRACE, LoopMonitor
from monitor.engine.probe_environment import probe_environment
from monitor.engine.runner import Runner
from monitor.health import Health
from monitor.network.failure import ProbeFailure
from monitor.network.outbound_policy import OutboundPolicy
from monitor.network.poller import Poller
from monitor.network.resolver import Resolver
from monitor.probe_result import ProbeResult
from monitor.probes.registry import prepare
from sla.observation import Outcome
from tests.support.clocks import ManualClock, settle
from tests.support.probing import attempt, load_check
from tests.support.servers import http_response, respond_with, serve_tcp

if TYPE_CHECKING:
    from monitor.network.attempt import Attempt


async def result_of_error(error: BaseException) -> ProbeResult:
    async def probe(attempt: Attempt) -> ProbeResult:
        raise error

    async with probe_environment(SystemClock(), Health()) as (runner, _):
        return (await runner.attempt(probe, 1)).result


@pytest.mark.parametrize(
    ("code", "outcome", "reason"),
    [
        (errno.ECONNREFUSED, Outcome.BAD, "connect_refused"),
        (errno.ECONNRESET, Outcome.BAD, "connection_reset"),
        (errno.EHOSTUNREACH, Outcome.BAD, "host_unreachable"),
        (errno.ENETUNREACH, Outcome.UNKNOWN, "no_route"),
        (errno.EMFILE, Outcome.UNKNOWN, "out_of_descriptors"),
        (errno.EADDRNOTAVAIL, Outcome.UNKNOWN, "out_of_ports"),
        (errno.ENOBUFS, Outcome.UNKNOWN, "out_of_memory"),
        (errno.EACCES, Outcome.UNKNOWN, "forbidden_locally"),
    ],
)
@pytest.mark.fault(23)
async def test_system_error_gives_the_expected_outcome_and_reason(code: int, outcome: Outcome, reason: str) -> None:
    result = await result_of_error(OSError(code, "text"))
    assert (result.outcome, result.reason) == (outcome, reason)


@pytest.mark.fault(25)
async def test_internal_error_of_a_probe_is_unknown() -> None:
    result = await result_of_error(KeyError("defect"))
    assert (result.outcome, result.reason) == (Outcome.UNKNOWN, "probe_defect")


async def test_deadline_with_an_own_failure_has_the_reason_of_this_failure() -> None:
    """An example is a silent resolver. The phase of the deadline does not matter."""

    async def probe(attempt: Attempt) -> ProbeResult:
        attempt.enter("resolve")
        attempt.own_failure = ProbeFailure("resolver_silent", "asked twice", outcome=Outcome.UNKNOWN)
        raise TimeoutError

    async with probe_environment(SystemClock(), Health()) as (runner, _):
        result = (await runner.attempt(probe, 60)).result
    assert (result.outcome, result.reason, result.detail) == (Outcome.UNKNOWN, "resolver_silent", "asked twice")


@pytest.mark.parametrize(
    ("phase", "reason"),
    [
        ("", "deadline"),
        ("resolve", "dns_timeout"),
        ("connect", "connect_timeout"),
        ("tls", "tls_timeout"),
        ("first_byte", "deadline"),
    ],
)
@pytest.mark.fault(32)
async def test_reason_of_a_deadline_depends_on_the_phase(phase: str, reason: str) -> None:
    async def probe(attempt: Attempt) -> ProbeResult:
        if phase:
            attempt.enter(phase)
        raise TimeoutError

    async with probe_environment(SystemClock(), Health()) as (runner, _):
        result = (await runner.attempt(probe, 60)).result
    assert (result.outcome, result.reason) == (Outcome.BAD, reason)
    assert f"within 60 s, waiting for {phase or 'start'}" in result.detail


async def test_detail_is_truncated() -> None:
    assert len((await result_of_error(ProbeFailure("x", "y" * 10_000))).detail) == 300


@pytest.mark.fault(23)
async def test_probe_without_file_descriptors_is_unknown() -> None:
    async with (
        serve_tcp(respond_with(http_response())) as port,
        probe_environment(SystemClock(), Health()) as (runner, _),
    ):
        probe = prepare(load_check({"http": f"http://127.0.0.1:{port}/"}))
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (3, hard))
        try:
            result = (await runner.attempt(probe, 1)).result
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert (result.outcome, result.reason) == (Outcome.UNKNOWN, "out_of_descriptors")


async def test_late_deadline_with_a_received_answer_is_unknown() -> None:
    """The target answered in time while our event loop was blocked."""
    blocked, answer_sent = threading.Event(), threading.Event()
    loop = asyncio.get_running_loop()
    seconds = 0.2

    def block_the_loop() -> None:
        block_end = time.monotonic() + seconds + 2 * GRACE
        blocked.set()
        answer_sent.wait(10)
        while time.monotonic() < block_end:
            pass

    def serve(listener: socket.socket) -> None:
        connection, _ = listener.accept()
        with connection:
            connection.recv(65_536)
            loop.call_soon_threadsafe(block_the_loop)
            blocked.wait(10)
            connection.sendall(http_response())
            answer_sent.set()
            with contextlib.suppress(ConnectionResetError):
                connection.recv(1)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = threading.Thread(target=serve, args=(listener,))
        server.start()
        probe = prepare(load_check({"http": f"http://127.0.0.1:{listener.getsockname()[1]}/"}))
        async with probe_environment(SystemClock(), Health()) as (runner, loop_monitor):
            loop_monitor.stalled = lambda: 0.0  # type: ignore[method-assign]
            result = (await runner.attempt(probe, seconds)).result
        server.join()
    assert (result.outcome, result.reason) == (Outcome.UNKNOWN, "monitor_starved")
    assert "an answer was already received" in result.detail


async def test_target_that_still_sends_at_the_deadline_is_bad() -> None:
    """The deadline was on time, and there is always data to read."""

    async def probe(attempt: Attempt) -> ProbeResult:
        attempt.enter("transfer")
        attempt.response_unread = True
        raise TimeoutError

    async with probe_environment(SystemClock(), Health()) as (runner, _):
        result = (await runner.attempt(probe, 60)).result
    assert (result.outcome, result.reason) == (Outcome.BAD, "deadline")


@pytest.mark.parametrize("phase", ["connect", "tls", "first_byte"])
async def test_unread_first_bytes_at_the_deadline_are_our_failure(phase: str) -> None:
    """The target answered in time, but the event loop had not read the answer; the deadline itself was on time."""

    async def probe(attempt: Attempt) -> ProbeResult:
        attempt.enter(phase)
        attempt.response_unread = True
        raise TimeoutError

    async with probe_environment(SystemClock(), Health()) as (runner, _):
        result = (await runner.attempt(probe, 60)).result
    assert (result.outcome, result.reason) == (Outcome.UNKNOWN, "monitor_starved")


@pytest.mark.parametrize(
    ("seconds", "late", "outcome"),
    [
        (2, 0.002, Outcome.BAD),
        (2, 0.12, Outcome.BAD),
        (2, 0.13, Outcome.UNKNOWN),
        (8, 0.24, Outcome.BAD),  # at most one second, however long the timeout is
        (8, 0.26, Outcome.UNKNOWN),
        (0.01, 0.004, Outcome.BAD),  # an idle loop may be this late
        (0.01, 0.006, Outcome.UNKNOWN),
    ],
)
async def test_lateness_of_the_deadline_decides_the_outcome(seconds: float, late: float, outcome: Outcome) -> None:
    """Four loop turns that are this late are more than a quarter of the timeout."""
    clock = ManualClock()
    loop_monitor = LoopMonitor(clock, Health())
    poller, resolver = Poller(asyncio.get_running_loop()), Resolver()

    async def probe(attempt: Attempt) -> ProbeResult:
        attempt.enter("first_byte")
        clock.jump(seconds + late)
        loop_monitor._due = clock.monotonic()  # each turn was too short to count as a stall
        raise TimeoutError

    try:
        result = (await Runner(clock, loop_monitor, poller, resolver).attempt(probe, seconds)).result
    finally:
        poller.close()
        await resolver.close()
    assert result.outcome is outcome


@pytest.mark.fault(19)
async def test_loop_stall_makes_a_bad_outcome_unknown_and_keeps_a_good_one() -> None:
    clock = ManualClock()
    loop_monitor = LoopMonitor(clock, Health())
    poller, resolver = Poller(asyncio.get_running_loop()), Resolver()
    runner = Runner(clock, loop_monitor, poller, resolver)
    monitor_task = asyncio.create_task(loop_monitor.run())
    await settle()

    async def after_a_stall(attempt: Attempt) -> ProbeResult:
        clock.jump(3)
        raise ProbeFailure("connection_reset")

    async def good_after_a_stall(attempt: Attempt) -> ProbeResult:
        clock.jump(3)
        return ProbeResult(Outcome.GOOD)

    async def bad(attempt: Attempt) -> ProbeResult:
        raise ProbeFailure("connection_reset")

    try:
        starved = (await runner.attempt(after_a_stall, 10)).result
        await clock.advance(1)
        good = (await runner.attempt(good_after_a_stall, 10)).result
        await clock.advance(1)
        without_stall = (await runner.attempt(bad, 10)).result
    finally:
        monitor_task.cancel()
        await asyncio.gather(monitor_task, return_exceptions=True)
        poller.close()
        await resolver.close()
    assert (starved.outcome, starved.reason) == (Outcome.UNKNOWN, "monitor_starved")
    assert good.outcome is Outcome.GOOD
    assert (without_stall.outcome, without_stall.reason) == (Outcome.BAD, "connection_reset")


async def test_attempt_has_the_instant_of_sending_and_a_duration() -> None:
    result = await attempt({"tcp": "127.0.0.1:1"})
    assert abs(result.at - SystemClock().now()) < 60_000_000
    assert result.duration >= 0


@pytest.mark.parametrize(
    ("slow_after", "reason", "detail"),
    [
        ("2s", "slow", "took 3s, slow after 2s"),
        ("1500us", "slow", "took 3s, slow after 1.5ms"),
        ("4s", "", ""),
        (None, "", ""),
    ],
)
async def test_slow_good_answer_has_the_reason_slow(slow_after: str | None, reason: str, detail: str) -> None:
    clock = ManualClock()

    async def late(attempt: Attempt) -> ProbeResult:
        clock.jump(3)
        return ProbeResult(Outcome.GOOD)

    slow_field = {} if slow_after is None else {"slow_after": slow_after}
    check = load_check({"tcp": "127.0.0.1:1", "timeout": "5s", **slow_field})
    async with probe_environment(clock, Health()) as (runner, loop_monitor):
        loop_monitor.stalled = lambda: 0.0  # type: ignore[method-assign]
        attempt = await runner.run(check, late)
    assert (attempt.result.outcome, attempt.result.reason, attempt.duration) == (Outcome.GOOD, reason, 3.0)
    assert attempt.result.detail == detail


def test_slow_after_must_be_shorter_than_the_timeout() -> None:
    with pytest.raises(ValidationError, match="must be shorter than the timeout"):
        load_check({"tcp": "127.0.0.1:1", "timeout": "5s", "slow_after": "5s"})


async def test_attempt_uses_the_outbound_policy_of_the_caller() -> None:
    async with probe_environment(SystemClock(), Health()) as (runner, _):
        other = OutboundPolicy()
        assert runner.new_attempt().outbound is runner.outbound
        assert runner.new_attempt(other).outbound is other


async def test_deadline_during_connect_names_the_address_of_the_peer() -> None:
    async def connect(attempt: Attempt) -> ProbeResult:
        attempt.enter("connect")
        attempt.peer = (socket.AF_INET, ("192.0.2.1", 443))
        raise TimeoutError

    async with probe_environment(SystemClock(), Health()) as (runner, _):
        result = (await runner.attempt(connect, 60)).result
    assert result.detail.endswith("waiting for connect: 192.0.2.1")
