"""What a target can make a probe cost: time of the loop, and memory."""

from __future__ import annotations

from pathlib import Path

from tests.monitor.blackbox.asking import box, reason
from tests.support.servers import serving
from tests.support.zoo.behaviour import flooding
from tests.support.zoo.toll import holds

SHORT_LINES = b"x\r\n" * 20_000
TALK = 'modules: {talk: {prober: tcp, timeout: 5s, tcp: {query_response: [{expect: "^220"}]}}}'


async def test_lines_without_end_do_not_hold_the_loop_and_come_to_an_end(tmp_path: Path) -> None:
    """In CPU time of this thread: a buffer of 64 KiB holds 20,000 lines, and each costs some microseconds."""
    async with serving(flooding(SHORT_LINES)) as port, box(tmp_path, TALK) as (_, ask):
        await ask("talk", "127.0.0.1:1")  # loads what is loaded once
        with holds() as held:
            page = await ask("talk", f"127.0.0.1:{port}")
    assert reason(page) == "answer_too_long"
    assert held[0] < 0.02
