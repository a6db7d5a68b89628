"""The `tcp` prober: a connection, TLS if wanted, and a talk line by line."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import re2

from monitor.blackbox.prober import Prober, Trial
from monitor.blackbox.target_address import chosen, split
from monitor.blackbox.tls import options, server_of, telling
from monitor.network.buffered_stream import Dialogue
from monitor.network.connection import Wire
from monitor.network.failure import ProbeFailure, quoted
from monitor.network.tls_connection import securing
from monitor.protocols.starttls import refuse_injected

if TYPE_CHECKING:
    from monitor.blackbox.modules import Step, TcpModule
    from monitor.network.attempt import Frame
    from monitor.network.tls_connection import Secure

_MOST_LINES = 10_000  # that a step takes before the one that it expects; each costs us about 10 us
_GROUP = re.compile(r"\$(?:(\$)|\{(\w+)\}|(\w+))", re.ASCII)


def _begin(trial: Trial) -> None:
    trial.gauges.set("probe_failed_due_to_regex", 0)


async def _run(trial: Trial, frame: Frame) -> None:
    config = trial.module.tcp
    host, port = split(trial.target)
    await chosen(trial, frame, host, port, config)
    frame.on_secured = telling(trial)
    frame.source = config.source_ip_address
    secure = securing(options(config.tls_config, server_of(trial.hostname)), host) if _encrypts(config) else None
    with await Wire.reach(frame, host, port) as wire:
        trial.diary.note("connected")
        if config.tls and secure is not None:
            await secure(frame, wire)
        await _talk(trial, frame, wire, secure)


def _encrypts(config: TcpModule) -> bool:
    return config.tls or any(step.starttls for step in config.query_response)


async def _talk(trial: Trial, frame: Frame, wire: Wire, secure: Secure | None) -> None:
    dialogue = Dialogue(wire)
    for number, step in enumerate(trial.module.tcp.query_response, 1):
        frame.enter("first_byte")
        send = step.send
        if step.expect is not None or step.expect_bytes:
            send = await _expected(trial, dialogue, step, number)
        if send:
            trial.diary.note("sending a line", step=number, bytes=len(send))
            await dialogue.ask(f"{send}\n".encode())
        if step.starttls and secure is not None:
            refuse_injected(dialogue)
            await secure(frame, wire)


async def _expected(trial: Trial, dialogue: Dialogue, step: Step, number: int) -> str:
    """Return what to send once a line has come that is expected, with what it caught."""
    if step.expect_bytes:
        await _exactly(trial, dialogue, step.expect_bytes.encode())
        return step.send
    for _ in range(_MOST_LINES):
        try:
            line = await dialogue.line()
        except ProbeFailure as failure:
            if failure.reason != "hung_up":
                raise
            line = bytes(dialogue.heard)  # the last line may lack its end
            dialogue.heard.clear()
            if not line or (match := _match(step, line)) is None:
                trial.gauges.set("probe_failed_due_to_regex", 1)
                raise ProbeFailure("answer_mismatch", f"step {number}: hung up before such a line") from None
        else:
            match = _match(step, line)
        trial.diary.note("read a line", step=number, line=line.decode(errors="replace"), expected=match is not None)
        if match is not None:
            trial.gauges.set("probe_failed_due_to_regex", 0)
            _label(trial, step, match)
            return _filled(step.send, match)
    raise ProbeFailure("answer_too_long", f"step {number}: {_MOST_LINES} lines and none that is expected")


async def _exactly(trial: Trial, dialogue: Dialogue, wanted: bytes) -> None:
    heard = await dialogue.exactly(len(wanted))
    trial.gauges.set("probe_failed_due_to_bytes", heard != wanted)
    if heard != wanted:
        raise ProbeFailure("answer_mismatch", f"heard {quoted(heard.decode(errors='replace'))}")


def _label(trial: Trial, step: Step, match: Mapping[str, str]) -> None:
    if step.labels:
        labels = {label.name: _filled(label.value, match) for label in step.labels}
        trial.gauges.set("probe_expect_info", 1, labels)


def _match(step: Step, line: bytes) -> Mapping[str, str] | None:
    """Return what the line caught, by number and by name; None if it is not what is expected."""
    match = _compiled(step.expect.text if step.expect is not None else "").search(line)
    if match is None:
        return None
    groups = {str(number): match.group(number) for number in range(match.re.groups + 1)} | match.groupdict()
    return {key: (value or b"").decode(errors="replace") for key, value in groups.items()}


@lru_cache(maxsize=1024)
def _compiled(expression: str) -> Any:
    return re2.compile(expression)


def _filled(template: str, match: Mapping[str, str]) -> str:
    """Return the template with what was caught for `$1`, `${1}` and `${name}`, as Go does; nothing for what was not.

    >>> _filled("PONG ${1}$$ $none.", {"1": "a"})
    'PONG a$ .'
    """
    return _GROUP.sub(lambda found: found[1] or match.get(found[2] or found[3], ""), template)


def _end(trial: Trial, phases: Mapping[str, float]) -> None:
    """There is no gauge of phases."""


TCP = Prober(_begin, _run, _end)
