"""The tcp kind: a connection is taken or it is not, and the word says which way it was refused."""

from __future__ import annotations

import errno
import resource
import socket

import pytest

from monitor.network.failure import failure_of
from sla.observation import Outcome
from tests.support.probing import attempt
from tests.support.servers import send_nothing, serve_tcp


async def test_a_connection_that_is_taken_is_good() -> None:
    async with serve_tcp(send_nothing) as port:
        result = (await attempt({"tcp": f"127.0.0.1:{port}"})).result
    assert (result.outcome, result.reason, result.status) == (Outcome.GOOD, "", None)
    assert set(result.phases) == {"resolve", "connect"}


async def test_a_listener_that_hangs_up_at_once_has_taken_the_connection() -> None:
    async def hang_up(reader: object, writer: object) -> None:
        return

    async with serve_tcp(hang_up) as port:
        assert (await attempt({"tcp": f"127.0.0.1:{port}"})).result.outcome is Outcome.GOOD


async def test_a_closed_port_is_refused_and_the_detail_names_it() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    result = (await attempt({"tcp": f"127.0.0.1:{port}"})).result
    assert (result.outcome, result.reason) == (Outcome.BAD, "connect_refused")
    assert f"127.0.0.1 port {port}" in result.detail


async def test_ipv6_is_an_address_like_another() -> None:
    try:
        listener = socket.create_server(("::1", 0), family=socket.AF_INET6)
    except OSError:
        pytest.skip("this machine has no IPv6")
    with listener:
        result = (await attempt({"tcp": f"[::1]:{listener.getsockname()[1]}"})).result
    assert result.outcome is Outcome.GOOD


async def test_a_listener_whose_queue_is_full_costs_the_deadline() -> None:
    """It drops what it cannot queue, as a host behind a silent filter does."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        address = listener.getsockname()
        waiting = []
        for _ in range(4):
            each = socket.socket()
            each.setblocking(False)
            each.connect_ex(address)
            waiting.append(each)
        result = (await attempt({"tcp": f"127.0.0.1:{address[1]}"}, 0.2)).result
        for each in waiting:
            each.close()
    assert (result.outcome, result.reason) == (Outcome.BAD, "connect_timeout")


async def test_a_name_with_several_addresses_is_good_when_one_of_them_answers() -> None:
    """`localhost` is ::1 and 127.0.0.1; the listener is at one of them."""
    async with serve_tcp(send_nothing) as port:
        assert (await attempt({"tcp": f"localhost:{port}"})).result.outcome is Outcome.GOOD


async def test_without_a_free_descriptor_nothing_is_known() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    from monitor.clock import SystemClock
    from monitor.engine.probe_environment import probe_environment
    from monitor.health import Health
    from monitor.probes.registry import prepare
    from tests.support.probing import load_check

    async with probe_environment(SystemClock(), Health()) as (runner, _):
        probe = prepare(load_check({"tcp": "127.0.0.1:9"}))
        resource.setrlimit(resource.RLIMIT_NOFILE, (3, hard))
        try:
            result = (await runner.attempt(probe, 1)).result
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert (result.outcome, result.reason) == (Outcome.UNKNOWN, "out_of_descriptors")


@pytest.mark.parametrize(
    ("code", "outcome"),
    [
        (errno.ECONNREFUSED, Outcome.BAD),
        (errno.EHOSTUNREACH, Outcome.BAD),
        (errno.EACCES, Outcome.UNKNOWN),
        (errno.EINVAL, Outcome.UNKNOWN),
        (errno.ENETUNREACH, Outcome.UNKNOWN),
    ],
)
def test_what_our_own_routes_refuse_is_not_held_against_the_target(code: int, outcome: Outcome) -> None:
    """A `prohibit` route answers EACCES, a `blackhole` route EINVAL, no route ENETUNREACH."""
    assert failure_of(OSError(code, "text")).outcome is outcome
