"""Rehearsals of a record with several vantages: the observations of this vantage decide alone."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from monitor.config.model import Portfolio
from monitor.probe_result import VANTAGE
from monitor.rehearsal.observations import RecordedObservations
from monitor.rehearsal.replay import Replay
from monitor.storage.reader import reading
from monitor.storage.sqlite import SqliteStore
from monitor.storage.store import Batch
from sla.interval import MINUTE, Interval
from sla.observation import Observation, Run
from tests.monitor.rehearsal.test_replay import EMPTY, START
from tests.support.alerting import BAD, GOOD
from tests.support.ledgers import FakeCheck, product
from tests.support.messages import receiver

if TYPE_CHECKING:
    from pathlib import Path

SPAN = Interval(START, START + 10 * MINUTE)


async def test_outage_that_this_vantage_observed_pages_without_votes_of_the_others() -> None:
    checks = (FakeCheck(id="health", interval="1m", timeout="10s"),)
    loaded = Portfolio.model_validate(
        {
            "products": [product("forms") | {"checks": checks}],
            "vantages": [{"id": "east", "observations": "east.jsonl"}, {"id": "west", "observations": "west.jsonl"}],
            "receivers": (receiver(id="ops", webhook="https://ops.example.org/hook"),),
            "routes": [{"to": "ops"}],
        }
    )
    seen = [
        Observation("forms/health", START + n * MINUTE, BAD if n in (3, 4, 5) else GOOD, "", 1_000) for n in range(9)
    ]
    result = await Replay(loaded, EMPTY, (), SPAN).run(seen)
    assert [row.event.value for row in result.notifications] == ["opened", "resolved"]


def test_runs_of_this_vantage_are_read_if_another_vantage_was_added_later(tmp_path: Path) -> None:
    """The runs of a check are not adjacent in the record then. Their raw observations were pruned."""
    keys = [("forms/a", VANTAGE), ("forms/b", VANTAGE), ("forms/a", "east")]
    runs = [Run(key, GOOD, "", START, START + 9 * MINUTE, 10, 3 * MINUTE, vantage=vantage) for key, vantage in keys]
    with contextlib.closing(SqliteStore(tmp_path / "n.db", 0)) as store:
        store.write(Batch(runs=runs))
    with reading(tmp_path / "n.db") as record:
        recorded = RecordedObservations(record, SPAN)
        assert recorded.runs == {"forms/a": runs[:1], "forms/b": runs[1:2]}
        assert len([*recorded.in_order()]) == 20
