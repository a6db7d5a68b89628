"""Transactions over HTTP with a service that keeps state, and loses it when it fails over without replication."""

from __future__ import annotations

import base64
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest

from sla.continuity import TransactionState, continuity_results, transaction_state
from sla.drill import Drill, DrillKind
from sla.drill_facts import drill_end, drills
from sla.interval import MINUTE, SECOND
from tests.support.continuity import continuity_probe
from tests.support.ledgers import BAD_RESULT, GOOD_RESULT, observe
from tests.support.record_service import RecordService, pair

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.continuity import Probe

PRESERVED, LOST, DUPLICATED, NEVER, OPEN, UNVERIFIED = TransactionState


@pytest.fixture
def service() -> Iterator[RecordService]:
    with RecordService().serving() as served:
        yield served


def healthy(probe: Probe, *, up: bool = True) -> None:
    """Record an observation of the product now."""
    (entry,) = probe.ledger.entries_of("forms")
    observe(probe.ledger, entry, probe.clock.now(), GOOD_RESULT if up else BAD_RESULT)


async def test_transactions_are_finished_read_and_removed(service: RecordService, tmp_path: Path) -> None:
    async with continuity_probe(tmp_path, http=pair(service.url)) as probe:
        await probe.advance(35)
        (first, *_) = probe.runs
        assert first.reading is not None
        assert first.reading.copies == {"begin": 1, "finish": 1}
        assert probe.states == {PRESERVED: 1, OPEN: 3}
        assert len(service.records) == 3
        assert service.created == 4
        stored = probe.log.read()
        assert stored[first.id] == first
        assert first.intents[0].request == f'POST {service.url}/records {{"note": "{first.id}"}}'


async def test_number_of_open_transactions_is_limited(service: RecordService, tmp_path: Path) -> None:
    async with continuity_probe(tmp_path, http=pair(service.url), at_most=3) as probe:
        service.records = {}
        await probe.advance(25)
        service.status = 503
        await probe.advance(300)
        assert len(service.records) == 3
        assert service.hits["PUT"] < 30


async def test_failover_without_replication_loses_the_acknowledged_writes(
    service: RecordService, tmp_path: Path
) -> None:
    async with continuity_probe(tmp_path, http=pair(service.url)) as probe:
        drill = Drill(probe.clock.now(), "Ada", "forms", DrillKind.FAILOVER, rpo=0)
        probe.facts.add([drill.fact()])
        healthy(probe)
        await probe.advance(15)  # begun at 0 and 10 s
        service.replicates = False
        await probe.advance(10)  # begun at 20 s
        healthy(probe)
        service.status = 503
        await probe.advance(10)
        healthy(probe, up=False)
        service.fail_over()
        service.replicates, service.status = True, None
        await probe.advance(10)
        healthy(probe)
        await probe.advance(60)
        healthy(probe)
        await probe.advance(1)
        states = [run.id for run in probe.runs if run.id in _lost(probe)]
        assert states == [probe.runs[2].id]
        (result,) = continuity_results(probe.ledger.facts.all, probe.clock.now())
        assert result.counts[LOST.value] == 1
        assert result.runs == (probe.runs[2].id,)
        assert result.failed is not None
        acknowledged = probe.runs[2].acknowledged("begin")
        assert acknowledged is not None
        assert result.recovery_point.low == max(0, result.failed.low - acknowledged)
        assert result.recovery_point.point == result.failed.point - acknowledged
        assert result.recovery_point.high == result.failed.high - probe.runs[1].started
        (record,) = drills(probe.ledger.facts.all, probe.clock.now())
        assert [(point.low, point.length, point.high) for point in record.points] == [result.recovery_point]
        assert record.points[0].source.startswith("continuity probe draft: ")


def _lost(probe: Probe) -> set[str]:
    return {run.id for run in probe.runs if run.reading is not None and not run.reading.copies["begin"]}


async def test_failover_with_replication_preserves_them_and_the_drill_has_a_recovery_point_of_zero(
    service: RecordService, tmp_path: Path
) -> None:
    async with continuity_probe(tmp_path, http=pair(service.url)) as probe:
        drill = Drill(probe.clock.now(), "Ada", "forms", DrillKind.FAILOVER, rpo=0)
        probe.facts.add([drill.fact()])
        healthy(probe)
        await probe.advance(25)
        service.fail_over()
        probe.facts.add([drill_end(drill.id, "forms", probe.clock.now(), "Ada")])
        await probe.advance(60)
        assert LOST not in probe.states
        assert continuity_results(probe.ledger.facts.all, probe.clock.now()) == []
        (record,) = drills(probe.ledger.facts.all, probe.clock.now())
        assert [(point.low, point.length, point.high) for point in record.points] == [(0, 0, 10 * SECOND)]


async def test_loss_without_observed_downtime_is_a_result_too(service: RecordService, tmp_path: Path) -> None:
    async with continuity_probe(tmp_path, http=pair(service.url)) as probe:
        service.replicates = False
        await probe.advance(25)
        service.fail_over()
        service.replicates = True
        for _ in range(12):
            healthy(probe)
            await probe.advance(10)
        (result,) = continuity_results(probe.ledger.facts.all, probe.clock.now())
        assert result.counts[LOST.value] == 3
        assert result.failed is not None
        assert result.failed.low >= probe.runs[2].started


async def test_failover_has_one_result_although_the_loss_is_read_before_the_outage_is_over(
    service: RecordService, tmp_path: Path
) -> None:
    async with continuity_probe(tmp_path, http=pair(service.url)) as probe:
        for _ in range(3):
            healthy(probe)
            await probe.advance(5)
        await probe.advance(2)
        service.replicates = False
        await probe.advance(5)  # begun at 20 s
        service.status = 503
        for _ in range(18):
            healthy(probe, up=False)
            await probe.advance(5)
        service.fail_over()
        service.replicates, service.status = True, None
        healthy(probe)
        await probe.advance(50)
        assert _lost(probe) == {probe.runs[2].id}
        healthy(probe)
        await probe.advance(5)
        (result,) = continuity_results(probe.ledger.facts.all, probe.clock.now())
        acknowledged = probe.runs[2].acknowledged("begin")
        assert result.failed is not None
        assert acknowledged is not None
        assert result.failed.low < acknowledged < result.failed.high
        assert result.recovery_point.low == 0
        assert result.recovery_point.point == (result.failed.high - acknowledged) // 2


async def test_record_that_one_reading_does_not_find_is_not_lost(service: RecordService, tmp_path: Path) -> None:
    async with continuity_probe(tmp_path, http=pair(service.url, finish=None, find=None), every="50s") as probe:
        await probe.advance(30)
        service.status = 404
        await probe.advance(1)
        service.status = None
        await probe.advance(5)
        (run,) = probe.runs
        assert transaction_state(run) is PRESERVED
        assert len(run.readings) == 1


async def test_replayed_request_gives_a_duplicate(service: RecordService, tmp_path: Path) -> None:
    async with continuity_probe(tmp_path, http=pair(service.url)) as probe:
        await probe.advance(5)
        service.duplicate()
        await probe.advance(35)
        assert probe.states[DUPLICATED] == 1
        first = probe.runs[0].id
        assert first not in {record["note"] for record in service.records.values()}


async def test_begin_without_a_response_is_found_by_its_run_id_and_removed(
    service: RecordService, tmp_path: Path
) -> None:
    service.cut_after = ["POST"]
    async with continuity_probe(tmp_path, http=pair(service.url)) as probe:
        await probe.advance(1)
        assert len(service.records) == 1
        await probe.advance(8)
        assert probe.states == {NEVER: 1}
        assert service.records == {}
        assert probe.ledger.continuity.left_behind("forms/draft") == 0


async def test_begin_that_was_not_executed_is_searched_again_after_the_effect_delay(
    service: RecordService, tmp_path: Path
) -> None:
    async with continuity_probe(tmp_path, http=pair(service.url)) as probe:
        service.status = 500
        await probe.advance(1)
        service.status = None
        service.cut_after = []
        (run,) = probe.runs
        await probe.advance(30)
        late = {"note": run.id, "draft": True}
        service.execute("POST", "/records", b'{"note": "%s"}' % run.id.encode())
        await probe.advance(60)
        (closed, *_) = probe.runs
        assert closed.closing is not None
        assert late["note"] not in {record["note"] for record in service.records.values()}


async def test_begin_without_a_response_is_possibly_left_behind_if_nothing_finds_it(
    service: RecordService, tmp_path: Path
) -> None:
    service.cut_after = ["POST"]
    async with continuity_probe(tmp_path, http=pair(service.url, find=None)) as probe:
        await probe.advance(4)
        assert probe.ledger.continuity.left_behind("forms/draft") == 1
        assert len(service.records) >= 1


async def test_runs_of_an_outage_that_may_be_left_behind_are_limited_by_at_most(
    service: RecordService, tmp_path: Path
) -> None:
    service.status = 503
    async with continuity_probe(tmp_path, http=pair(service.url, find=None)) as probe:
        await probe.advance(300)
        instants = [run.started for run in probe.runs]
        assert len(instants) == 5
        assert all(later - earlier >= 15 * SECOND for earlier, later in pairwise(instants))
        service.status = None
        await probe.advance(320)
        assert len(probe.runs) > 5
        assert probe.states[OPEN] >= 1


async def test_finish_without_a_response_is_read_back_and_not_sent_twice(
    service: RecordService, tmp_path: Path
) -> None:
    async with continuity_probe(tmp_path, http=pair(service.url)) as probe:
        await probe.advance(5)
        service.cut_after = ["PUT"]
        await probe.advance(40)
        first = probe.runs[0]
        assert [intent.step for intent in first.intents] == ["begin", "finish"]
        assert probe.states[NEVER] == 1


async def test_finish_without_a_response_that_is_missing_is_sent_again_after_the_effect_delay(
    service: RecordService, tmp_path: Path
) -> None:
    async with continuity_probe(tmp_path, http=pair(service.url), every="50s") as probe:
        await probe.advance(30)
        service.status = 503
        await probe.advance(1)
        service.status = None
        await probe.advance(50)
        first = probe.runs[0]
        assert [intent.step for intent in first.intents] == ["begin", "finish"]
        assert first.closing is None
        await probe.advance(15)
        first = probe.runs[0]
        assert [intent.step for intent in first.intents] == ["begin", "finish", "finish"]
        assert first.intents[2].at >= first.intents[1].at + MINUTE
        assert first.closing is not None
        assert transaction_state(first) is PRESERVED


async def test_refused_begin_needs_no_clean_up_and_connections_refused_pause_the_probe(
    service: RecordService, tmp_path: Path
) -> None:
    async with continuity_probe(tmp_path, http=pair(service.url)) as probe:
        service.status = 400
        await probe.advance(100)
        assert set(probe.states) == {NEVER}
        assert service.hits["POST"] <= 10
        assert set(service.hits) == {"POST"}


async def test_run_without_an_answer_is_removed_after_a_restart(service: RecordService, tmp_path: Path) -> None:
    async with continuity_probe(tmp_path, http=pair(service.url)) as probe:
        await probe.advance(5)
        (run,) = probe.runs
        lines = [line for line in probe.log.path.read_text().splitlines() if '"answer"' not in line]
        probe.log.path.write_text("\n".join(lines) + "\n")  # killed before the answer was recorded
    async with continuity_probe(tmp_path, probe.clock, http=pair(service.url)) as restarted:
        assert [restored.id for restored in restarted.runs] == [run.id]
        await restarted.advance(3)
        assert restarted.runs[0].closing is not None
        assert run.id not in {record["note"] for record in service.records.values()}


async def test_log_that_cannot_be_compacted_is_read_at_the_start(service: RecordService, tmp_path: Path) -> None:
    async with continuity_probe(tmp_path, http=pair(service.url)) as probe:
        await probe.advance(35)
        open_ids = [run.id for run in probe.runs if run.closing is None]
    probe.manual.jump(3 * 3600)
    probe.log.path.with_name(probe.log.path.name + ".new").mkdir()  # the new file cannot be created
    async with continuity_probe(tmp_path, probe.clock, http=pair(service.url)) as restarted:
        assert [run.id for run in restarted.runs] == open_ids


async def test_no_secret_is_stored(service: RecordService, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONTINUITY_KEY", "canary-7")
    secret = {"env": "CONTINUITY_KEY"}
    configured = pair(service.url, basic={"user": "robot", "password": secret}, secrets={"key": secret})
    configured["begin"]["body"] = '{"note": "{{run_id}}", "key": "{{key}}"}'
    async with continuity_probe(tmp_path, http=configured) as probe:
        await probe.advance(35)
        text = probe.log.path.read_text()
    assert service.authorization == {"Basic " + base64.b64encode(b"robot:canary-7").decode()}
    assert "canary" not in text
    assert "env CONTINUITY_KEY" in text
    assert {record["key"] for record in service.records.values()} == {"canary-7"}


async def test_unwritable_log_sends_nothing(service: RecordService, tmp_path: Path) -> None:
    async with continuity_probe(tmp_path, http=pair(service.url)) as probe:
        probe.log.path.mkdir()
        await probe.advance(20)
        assert service.hits == {}


async def test_server_with_a_rate_limit_gets_no_request_before_its_end(tmp_path: Path) -> None:
    from tests.support.servers import serve_tcp

    seen = []

    async def respond_with_limit(reader: object, writer: object) -> None:
        seen.append(1)
        await reader.readuntil(b"\r\n\r\n")  # type: ignore[attr-defined]
        writer.write(b"HTTP/1.1 429 Too Many\r\nRetry-After: 60\r\nContent-Length: 0\r\n\r\n")  # type: ignore[attr-defined]
        await writer.drain()  # type: ignore[attr-defined]

    async with (
        serve_tcp(respond_with_limit) as port,
        continuity_probe(tmp_path, http=pair(f"http://127.0.0.1:{port}")) as probe,
    ):
        await probe.advance(50)
        assert len(seen) == 1
        assert set(probe.states) == {NEVER}
        assert probe.clock.now() > SECOND
