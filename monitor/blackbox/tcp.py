"""The `tcp` prober: a connection, optional TLS, and a line-based query/response script."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import re2

from monitor.blackbox.prober import BlackboxProbe, Prober
from monitor.blackbox.target_address import resolve_target, split
from monitor.blackbox.tls import options, server_name_of, tls_recorder
from monitor.network.buffered_stream import BufferedStream
from monitor.network.connection import Connection
from monitor.network.failure import ProbeFailure, quoted
from monitor.network.tls_connection import tls_upgrader
from monitor.protocols.starttls import refuse_injected

if TYPE_CHECKING:
    from monitor.blackbox.modules import Step, TcpModule
    from monitor.network.attempt import Attempt
    from monitor.network.tls_connection import StartTls

_MAX_LINES = 10_000  # per step, before the expected line; a line takes about 10 us
_GROUP = re.compile(r"\$(?:(\$)|\{(\w+)\}|(\w+))", re.ASCII)


def _begin(probe: BlackboxProbe) -> None:
    probe.gauges.set("probe_failed_due_to_regex", 0)


async def _run(probe: BlackboxProbe, attempt: Attempt) -> None:
    config = probe.module.tcp
    host, port = split(probe.target)
    await resolve_target(probe, attempt, host, port, config)
    attempt.on_tls = tls_recorder(probe)
    attempt.source = config.source_ip_address
    tls = options(config.tls_config, server_name_of(probe.hostname))
    start_tls = tls_upgrader(tls, host) if _uses_tls(config) else None
    with await Connection.connect(attempt, host, port) as connection:
        probe.probe_log.note("connected")
        if config.tls and start_tls is not None:
            await start_tls(attempt, connection)
        await _run_script(probe, attempt, connection, start_tls)


def _uses_tls(config: TcpModule) -> bool:
    return config.tls or any(step.starttls for step in config.query_response)


async def _run_script(
    probe: BlackboxProbe, attempt: Attempt, connection: Connection, start_tls: StartTls | None
) -> None:
    stream = BufferedStream(connection)
    for number, step in enumerate(probe.module.tcp.query_response, 1):
        attempt.enter("first_byte")
        send = step.send
        if step.expect is not None or step.expect_bytes:
            send = await _await_expected(probe, stream, step, number)
        if send:
            probe.probe_log.note("sending a line", step=number, bytes=len(send))
            await stream.send_request(f"{send}\n".encode())
        if step.starttls and start_tls is not None:
            refuse_injected(stream)
            await start_tls(attempt, connection)


async def _await_expected(probe: BlackboxProbe, stream: BufferedStream, step: Step, number: int) -> str:
    """Wait for the expected line, and return the text to send with its groups filled in."""
    if step.expect_bytes:
        await _await_bytes(probe, stream, step.expect_bytes.encode())
        return step.send
    for _ in range(_MAX_LINES):
        try:
            line = await stream.read_line()
        except ProbeFailure as failure:
            if failure.reason != "hung_up":
                raise
            line = bytes(stream.buffer)  # the last line may lack a line break
            stream.buffer.clear()
            if not line or (match := _match(step, line)) is None:
                probe.gauges.set("probe_failed_due_to_regex", 1)
                raise ProbeFailure("answer_mismatch", f"step {number}: closed before the expected line") from None
        else:
            match = _match(step, line)
        probe.probe_log.note("read a line", step=number, line=line.decode(errors="replace"), expected=match is not None)
        if match is not None:
            probe.gauges.set("probe_failed_due_to_regex", 0)
            _set_label_gauge(probe, step, match)
            return _expand(step.send, match)
    raise ProbeFailure("answer_too_long", f"step {number}: {_MAX_LINES} lines without the expected line")


async def _await_bytes(probe: BlackboxProbe, stream: BufferedStream, expected: bytes) -> None:
    received = await stream.read_exactly(len(expected))
    probe.gauges.set("probe_failed_due_to_bytes", received != expected)
    if received != expected:
        raise ProbeFailure("answer_mismatch", f"received {quoted(received.decode(errors='replace'))}")


def _set_label_gauge(probe: BlackboxProbe, step: Step, match: Mapping[str, str]) -> None:
    if step.labels:
        labels = {label.name: _expand(label.value, match) for label in step.labels}
        probe.gauges.set("probe_expect_info", 1, labels)


def _match(step: Step, line: bytes) -> Mapping[str, str] | None:
    """Match a line, and return the groups by number and name; None if the line does not match."""
    match = _compile(step.expect.text if step.expect is not None else "").search(line)
    if match is None:
        return None
    groups = {str(number): match.group(number) for number in range(match.re.groups + 1)} | match.groupdict()
    return {key: (value or b"").decode(errors="replace") for key, value in groups.items()}


@lru_cache(maxsize=1024)
def _compile(expression: str) -> Any:
    return re2.compile(expression)


def _expand(template: str, match: Mapping[str, str]) -> str:
    """Expand `$1`, `${1}` and `${name}` in a template like Go; unmatched groups are empty.

    >>> _expand("PONG ${1}$$ $none.", {"1": "a"})
    'PONG a$ .'
    """
    return _GROUP.sub(lambda group: group[1] or match.get(group[2] or group[3], ""), template)


def _end(probe: BlackboxProbe, phases: Mapping[str, float]) -> None:
    """Do nothing: the prober has no phase gauges."""


TCP = Prober(_begin, _run, _end)
