"""Fuzzing of the parsers of responses: random edits of real conversations cause no internal error, for every kind.

The number of examples is fixed, and they are the same each time, so the duration and the result are too. `make full`
tries more.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from monitor.network.failure import DETAIL_LIMIT, ProbeFailure
from monitor.probes.ntp import offset_of
from tests.support.conversations import CONVERSATIONS
from tests.support.cutting_relay import Edit, EditingRelay, Relay, run_relay
from tests.support.faulty_targets.faulty_target import TargetAuthority
from tests.support.probed_conversations import attempt_details, no_internal_errors

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sla.observation import Outcome

EXAMPLES, EXAMPLES_IN_FULL = 12, 400
PIECES = [
    b"",
    b"\0",
    b"\xff",
    b"\r\n",
    b"\n",
    b" ",
    b"-1",
    b"9" * 30,
    b"\x7f\xff\xff\xff",
    b"\0" * 8,
    b"{",
    b'"',
    b"[" * 99,
]
# A position is a part of the response, because conversations have different lengths.
EDITS = st.lists(
    st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 40), st.sampled_from(PIECES) | st.binary(max_size=20)),
    min_size=1,
    max_size=3,
)


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> TargetAuthority:
    return TargetAuthority(tmp_path_factory.mktemp("edited"))


async def length_of_response(name: str, authority: TargetAuthority) -> int:
    """Return the number of bytes of the unedited response."""
    conversation = CONVERSATIONS[name]
    async with conversation.server(authority) as port:
        relay = Relay(port)
        async with run_relay(relay) as relay_port:
            await attempt_details(conversation.check, relay_port, authority)
    return sum(map(len, relay.chunks))


async def probe_edited(name: str, edits: Sequence[Edit], authority: TargetAuthority) -> tuple[Outcome, str, str]:
    """Return outcome, reason and detail of an attempt with edits of the response."""
    conversation = CONVERSATIONS[name]
    async with (
        no_internal_errors(),
        conversation.server(authority) as port,
        run_relay(EditingRelay(port, edits=edits)) as relay_port,
    ):
        return await attempt_details(conversation.check, relay_port, authority)


def examine_edits(name: str, authority: TargetAuthority, examples: int) -> None:
    with asyncio.Runner() as runner:
        length = runner.run(length_of_response(name, authority))

        @settings(max_examples=examples, derandomize=True, database=None, suppress_health_check=[HealthCheck.too_slow])
        @given(EDITS)
        def examine(parts: list[tuple[float, int, bytes]]) -> None:
            edits = [Edit(int(part * length), deleted, inserted) for part, deleted, inserted in parts]
            _, reason, detail = runner.run(probe_edited(name, edits, authority))
            assert reason != "probe_defect", detail
            assert len(detail) <= DETAIL_LIMIT
            assert detail.isprintable()

        examine()


@pytest.mark.fault(36, 38, 40)
@pytest.mark.parametrize("name", CONVERSATIONS)
def test_random_edits_of_a_response_cause_no_internal_error(name: str, authority: TargetAuthority) -> None:
    examine_edits(name, authority, EXAMPLES)


@pytest.mark.full
@pytest.mark.timeout(600)
@pytest.mark.fault(36, 38, 40)
@pytest.mark.parametrize("name", CONVERSATIONS)
def test_many_random_edits_of_a_response_cause_no_internal_error(name: str, authority: TargetAuthority) -> None:
    examine_edits(name, authority, EXAMPLES_IN_FULL)


@pytest.mark.fault(36)
@settings(max_examples=300, derandomize=True, database=None)
@given(st.binary(min_size=48, max_size=80), st.integers(0, 1 << 60), st.integers(0, 1 << 60))
def test_any_datagram_is_a_time_or_a_failure(packet: bytes, sent_at: int, received: int) -> None:
    with contextlib.suppress(ProbeFailure):
        offset_of(packet, sent_at, received)
