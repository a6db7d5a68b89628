"""A real daemon closes the days of its record, publishes their heads and pushes them to a real repository."""

from __future__ import annotations

import json
import subprocess
import time
from typing import TYPE_CHECKING

from monitor.storage.sqlite import SqliteStore
from monitor.storage.store import Batch
from sla.interval import DAY, HOUR, MINUTE
from sla.observation import Outcome, Run
from tests.support.daemon_process import run_to_exit, running_daemon
from tests.support.processes import wait_for

if TYPE_CHECKING:
    from pathlib import Path


def test_daemon_anchors_the_days_before_its_start(tmp_path: Path) -> None:
    record, remote, config = tmp_path / "record.db", tmp_path / "heads.git", tmp_path / "ninewatch.yaml"
    subprocess.run(["git", "init", "-q", "--bare", "-b", "main", remote], check=True)
    now = time.time_ns() // 1000
    begin = now - 3 * DAY
    store = SqliteStore(record, now)
    store.write(Batch(runs=[Run("web/a", Outcome.GOOD, "", begin, begin + 30 * HOUR, 1801, 3 * MINUTE)]))
    store.close()
    check = "{id: a, tcp: '127.0.0.1:9', interval: 1m, timeout: 10s}"
    config.write_text(
        f"listen: 127.0.0.1:0\nstore: {record}\nanchors: [{{id: repo, git: {remote}}}]\n"
        f"products: [{{id: web, objective: 99%, checks: [{check}]}}]\n"
    )
    with running_daemon(config) as daemon:
        (head,) = wait_for("the head of the earlier days", lambda: daemon.api("/heads"), 60)
        assert head["whole"] is True
        wait_for(
            "the anchored head", lambda: daemon.metric("ninewatch_anchored_until_timestamp_seconds", anchor="repo"), 60
        )
        wait_for("the open incident, whose last failure is in no bundle", lambda: daemon.api("/incidents"))
        clone = tmp_path / "clone"
        subprocess.run(["git", "clone", "-q", remote, clone], check=True)
        (line,) = (clone / "heads.jsonl").read_text().splitlines()
        assert json.loads(line) == {"number": 1, "day": head["day"], "head": head["head"]}
        verify = ("verify", "--record", "-c", config, "--git", clone, "--json")
        _, text, _ = wait_for("the receipt on disk", lambda: result_if_anchored(run_to_exit(*verify)), 60)
        assert json.loads(text)["agrees"] is True
        arguments = (
            "report",
            "-c",
            config,
            "--product",
            "web",
            "--window",
            "2d",
            "-o",
            tmp_path / "web.md",
            "--bundle",
        )
        assert run_to_exit(*arguments)[0] == 0
    status, output, errors = run_to_exit("verify", tmp_path / "web.bundle.zip", "--git", clone)
    assert status == 0, output + errors
    assert f"anchored until {head['day']} by repo" in output


def result_if_anchored(result: tuple[int, str, str]) -> tuple[int, str, str] | None:
    return result if result[0] == 0 and json.loads(result[1])["anchors"]["not_covered"] == [] else None
