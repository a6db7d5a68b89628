"""The tcp kind: an accepted connection is good, and each refusal has its reason."""

from __future__ import annotations

import errno
import resource
import socket

import pytest

from monitor.network.failure import failure_of
from sla.observation import Outcome
from tests.support.addresses import closed_port
from tests.support.probing import attempt
from tests.support.servers import send_nothing, serve_tcp


async def test_accepted_connection_is_good() -> None:
    async with serve_tcp(send_nothing) as port:
        result = (await attempt({"tcp": f"127.0.0.1:{port}"})).result
    assert (result.outcome, result.reason, result.status) == (Outcome.GOOD, "", None)
    assert set(result.phases) == {"resolve", "connect"}


async def test_listener_that_closes_immediately_is_good() -> None:
    async def hang_up(reader: object, writer: object) -> None:
        return

    async with serve_tcp(hang_up) as port:
        assert (await attempt({"tcp": f"127.0.0.1:{port}"})).result.outcome is Outcome.GOOD


@pytest.mark.fault(32)
async def test_closed_port_is_connect_refused_with_the_address() -> None:
    port = closed_port()
    result = (await attempt({"tcp": f"127.0.0.1:{port}"})).result
    assert (result.outcome, result.reason) == (Outcome.BAD, "connect_refused")
    assert f"127.0.0.1 port {port}" in result.detail


async def test_ipv6_address_is_probed() -> None:
    try:
        listener = socket.create_server(("::1", 0), family=socket.AF_INET6)
    except OSError:
        pytest.skip("this machine has no IPv6")
    with listener:
        result = (await attempt({"tcp": f"[::1]:{listener.getsockname()[1]}"})).result
    assert result.outcome is Outcome.GOOD


@pytest.mark.fault(32)
async def test_listener_with_a_full_queue_ends_at_the_deadline() -> None:
    """It drops connection attempts, like a host behind a silent filter."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        address = listener.getsockname()
        waiting = []
        for _ in range(4):
            connection = socket.socket()
            connection.setblocking(False)
            connection.connect_ex(address)
            waiting.append(connection)
        result = (await attempt({"tcp": f"127.0.0.1:{address[1]}"}, 0.2)).result
        for connection in waiting:
            connection.close()
    assert (result.outcome, result.reason) == (Outcome.BAD, "connect_timeout")


async def test_name_is_good_if_one_of_its_addresses_answers() -> None:
    """`localhost` is ::1 and 127.0.0.1, and the listener has one of them."""
    async with serve_tcp(send_nothing) as port:
        assert (await attempt({"tcp": f"localhost:{port}"})).result.outcome is Outcome.GOOD


async def test_probe_without_a_free_descriptor_is_unknown() -> None:
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
@pytest.mark.fault(32)
def test_local_route_errors_give_unknown(code: int, outcome: Outcome) -> None:
    """A `prohibit` route answers EACCES, a `blackhole` route EINVAL, no route ENETUNREACH."""
    assert failure_of(OSError(code, "text")).outcome is outcome
