"""Tests of frames: their content, damaged frames, and the cursors in the transactions of the writer."""

from __future__ import annotations

import contextlib
import zlib

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.storage import frames
from monitor.storage.frames import Cursor, FrameError, FrameMaker, FrameVersionError, Position, pack, unpack
from monitor.storage.pending_writes import Item, PendingWrites
from monitor.storage.store import Batch
from sla.interval import DAY
from sla.observation import Observation, Outcome
from sla.vantage import ClockOffset
from tests.support.ledgers import NOW
from tests.support.stores import MemoryStore

# A frame of version 1, which every later version must read.
FROZEN = bytes.fromhex(
    "7801eb5e58c6b82c39233539bb78d29ab4fca2dc62fd8cd4c49c928cd5104e4e7e7a66def2a2d4c4e2fcbce2c90bd627"
    "e7e7e5a52697c417a5a69516a7a6ac2d4bcc2b494c4f8d4fcac9cc4b590a3668320303e3a2c492c9e719d8a2ffdd527d"
    "c0006330c2184ccbf34b4b92f373538f303330322d83983e19c85c9e9358929a975c39f92ccba5e403406bc106825431"
    "2ccb4f4b2b4e2d39cbfc62696a51517e9108000b534e2d"
)
FROZEN_OBSERVATIONS = [
    Observation("forms/health", NOW, Outcome.GOOD, "", 1_234, "east"),
    Observation("forms/health", NOW + 1, Outcome.BAD, "connect_refused", 99, "east", recheck=True),
    Observation("forms/login", NOW + 2, Outcome.UNKNOWN, "vantage_blind", None, "east"),
]

observations = st.builds(
    Observation,
    check=st.sampled_from(["forms/health", "forms/login", "é/ü"]),
    at=st.integers(0, 2**53),
    outcome=st.sampled_from(Outcome),
    reason=st.sampled_from(["", "connect_refused", "vantage_blind"]),
    latency=st.none() | st.integers(0, 10**9),
    vantage=st.just("east"),
    recheck=st.booleans(),
)
clocks = st.none() | st.builds(ClockOffset, st.integers(-(10**12), 10**12), st.integers(0, 10**9))


@given(st.lists(observations), clocks)
def test_frame_has_its_observations_in_order_and_the_clock(
    content: list[Observation], clock: ClockOffset | None
) -> None:
    assert unpack(pack(content, clock), "east") == (content, clock)


@given(st.binary(max_size=300))
def test_other_bytes_are_rejected(body: bytes) -> None:
    with pytest.raises(FrameError):
        unpack(body, "east")


@given(st.data())
def test_changed_content_is_rejected_or_read(data: st.DataObject) -> None:
    """A single changed byte gives other observations or a `FrameError`, never another error."""
    content = bytearray(zlib.decompress(FROZEN))
    position = data.draw(st.integers(0, len(content) - 1))
    content[position] = data.draw(st.integers(0, 255))
    with contextlib.suppress(FrameError):
        assert {one.vantage for one in unpack(zlib.compress(bytes(content)), "east")[0]} <= {"east"}


def test_frame_of_version_1_is_read() -> None:
    assert unpack(FROZEN, "east") == (FROZEN_OBSERVATIONS, ClockOffset(1_000, 20))


def test_unknown_fields_are_ignored() -> None:
    fields = msgspec.msgpack.decode(zlib.decompress(FROZEN)) | {"later": [1, 2]}
    assert unpack(zlib.compress(msgspec.msgpack.encode(fields)), "east")[0] == FROZEN_OBSERVATIONS


def test_frame_of_a_later_version_is_rejected_with_the_remedy() -> None:
    later = msgspec.msgpack.encode({"v": frames.VERSION + 1, "other": 1})
    with pytest.raises(FrameVersionError, match="upgrade the centre first"):
        unpack(zlib.compress(later), "east")


def test_content_that_expands_above_the_limit_is_rejected() -> None:
    bomb = zlib.compress(bytes(frames.MAX_UNPACKED + 1))
    assert len(bomb) < 10_000
    with pytest.raises(FrameError, match="larger than 4 MiB"):
        unpack(bomb, "east")


@pytest.mark.parametrize("cut", [1, 10])
def test_incomplete_frame_is_rejected(cut: int) -> None:
    with pytest.raises(FrameError):
        unpack(FROZEN[:-cut], "east")


def test_cursor_is_written_with_the_last_observations_before_it() -> None:
    pending = PendingWrites()
    for at in range(5):
        pending.add(Item(Observation("forms/health", at, Outcome.GOOD, vantage="east")))
    pending.add(Item(cursor=Cursor("east", Position(1, 1))))
    batches = []
    while pending:
        batches.append(batch := pending.batch(2))
        pending.remove(batch)
    assert [(len(batch.observations), len(batch.cursors)) for batch in batches] == [(2, 0), (2, 0), (1, 1)]


def test_frame_has_the_observations_of_its_batch_and_no_batch_without_them_has_a_frame() -> None:
    maker = FrameMaker(7, keep=DAY)
    maker.clock = ClockOffset(5, 1)
    batch = maker.with_frame(Batch(FROZEN_OBSERVATIONS))
    assert batch.frame is not None
    assert (batch.frame.incarnation, batch.frame.at) == (7, NOW + 2)
    assert unpack(batch.frame.body, "east") == (FROZEN_OBSERVATIONS, ClockOffset(5, 1))
    assert maker.with_frame(Batch(folded_until=1)).frame is None


def test_frames_deleted_before_their_delivery_are_counted() -> None:
    store, maker = MemoryStore(), FrameMaker(7, keep=DAY)
    for at in (1, 2, 3, 4):
        store.write(maker.with_frame(Batch([Observation("forms/health", at, Outcome.GOOD)])))
    maker.delivered = Position(7, 1)
    assert maker.prune(store, DAY + 4) == 2  # the first one was delivered, the last one is kept
    store.write(maker.with_frame(Batch([Observation("forms/health", 5, Outcome.GOOD)])))
    assert maker.prune(store, DAY + 5) == 0  # not examined again so soon
