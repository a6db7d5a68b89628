"""A running daemon sends no probes of a paused or disabled check, and continues after `resume` and a restart."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.daemon_process import run_to_exit, running_daemon
from tests.support.http_target import HttpTarget
from tests.support.processes import wait_for

if TYPE_CHECKING:
    from pathlib import Path

WHO = ("--by", "Ana Ng", "--reason", "moved")


def write_config(folder: Path, target: HttpTarget, *, enabled: bool = True) -> Path:
    path = folder / "ninewatch.yaml"
    lines = "".join(
        f"      - {{id: {check}, http: '{target.url('/' + check)}', interval: 200ms, timeout: 150ms, "
        f"enabled: {str(on).lower()}}}\n"
        for check, on in (("a", True), ("b", enabled))
    )
    head = f"listen: 127.0.0.1:0\nstore: {folder / 'record.db'}\nproducts:\n"
    path.write_text(f"{head}  - id: demo\n    objective: 99.9%\n    checks:\n{lines}")
    return path


@pytest.mark.slow
def test_paused_check_gets_no_requests_until_it_is_resumed(tmp_path: Path) -> None:
    """Five probes of the other check pass without a request of the paused one, also after a restart."""
    with HttpTarget().serving() as target:
        config = write_config(tmp_path, target)
        with running_daemon(config) as daemon:
            wait_for("probes of both", lambda: min(daemon.probes("a"), daemon.probes("b")) > 2)
            run_to_exit("pause", "demo/b", "--for", "1h", *WHO, "-c", config)
            wait_for("the pause", lambda: daemon.api("/pauses"))
            wait_for("the last probe", lambda: daemon.api("/products/demo")["checks"][1]["last"] is None)
            before, others = daemon.probes("b"), daemon.probes("a")
            wait_for("probes of the other check", lambda: daemon.probes("a") > others + 5)
            assert daemon.probes("b") == before
        with running_daemon(config) as daemon:
            wait_for("probes of the other check", lambda: daemon.probes("a") > 5)
            assert daemon.probes("b") == 0
            run_to_exit("resume", "demo/b", *WHO, "-c", config)
            wait_for("probes of the resumed check", lambda: daemon.probes("b") > 2)
            write_config(tmp_path, target, enabled=False)
            wait_for("the load", lambda: [pause["author"] for pause in daemon.api("/pauses")] == ["configuration"])
            write_config(tmp_path, target)
            wait_for("the next load", lambda: daemon.api("/pauses") == [])
            after = daemon.probes("b")
            wait_for("probes of the enabled check", lambda: daemon.probes("b") > after + 2)
