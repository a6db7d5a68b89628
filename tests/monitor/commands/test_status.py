"""`ninewatch status -c FILE` shows the figures of this configuration, or reports that the daemon runs another one."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from monitor.commands.status import _notes
from monitor.config.loader import examine
from monitor.errors import NinewatchError
from monitor.probes.registry import CHECK_TYPES
from tests.monitor.commands.test_cli import run_in_process, write_config
from tests.support.daemon_process import running_daemon
from tests.support.http_target import HttpTarget
from tests.support.processes import free_port, wait_for


@pytest.fixture
def target() -> Iterator[HttpTarget]:
    with HttpTarget().serving() as running_server:
        yield running_server


def digest(path: Path) -> str:
    return examine(path, CHECK_TYPES).digest


def refusal(path: Path) -> str:
    error = run_in_process("status", "-c", path).exception
    assert isinstance(error, NinewatchError), error
    return str(error)


def test_daemon_with_another_configuration_is_reported_with_both(target: HttpTarget, tmp_path: Path) -> None:
    path = write_config(tmp_path, target.url("/"), f"127.0.0.1:{free_port()}")
    other = tmp_path / "other.yaml"
    other.write_text(path.read_text().replace("objective: 99%", "objective: 99.5%"))
    with running_daemon(path) as daemon:
        wait_for("a good probe of both", lambda: daemon.api("/products")[0]["state"] == "up")
        assert run_in_process("status", "-c", path).exit_code == 0
        message = refusal(other)
        assert f"runs another configuration, ninewatch.yaml (digest {digest(path)[:12]})" in message
        assert f"than {other} (digest {digest(other)[:12]})" in message
        assert f"start `ninewatch run -c {other}`" in message
        assert run_in_process("status", "--json", "-c", other).stdout == ""


def test_copy_of_the_file_is_the_same_configuration(target: HttpTarget, tmp_path: Path) -> None:
    path = write_config(tmp_path, target.url("/"), f"127.0.0.1:{free_port()}")
    copy = tmp_path / "elsewhere" / "copy.yaml"
    copy.parent.mkdir()
    shutil.copy(path, copy)
    with running_daemon(path) as daemon:
        wait_for("a good probe of both", lambda: daemon.api("/products")[0]["state"] == "up")
        assert run_in_process("status", "-c", copy).exit_code == 0


def test_edited_configuration_differs_until_the_reload_and_a_rejected_one_is_reported(
    target: HttpTarget, tmp_path: Path
) -> None:
    path = write_config(tmp_path, target.url("/"), f"127.0.0.1:{free_port()}")
    sound = path.read_text()
    with running_daemon(path) as daemon:
        wait_for("a good probe of both", lambda: daemon.api("/products")[0]["state"] == "up")
        path.write_text(sound.replace("objective: 99%", "objective: 98%"))
        wait_for("the reload", lambda: daemon.api("/configuration")["digest"] == digest(path))
        assert run_in_process("status", "-c", path).exit_code == 0
        path.write_text(sound.replace("objective: 99%", "objective: 100%"))
        wait_for("the refusal", lambda: daemon.api("/configuration")["reload_refused"])
        path.write_text(sound)
        assert digest(path) != daemon.api("/configuration")["digest"]


def test_digest_covers_every_yaml_file_and_no_secret(tmp_path: Path) -> None:
    folder = tmp_path / "config"
    (folder / "more").mkdir(parents=True)
    (folder / "key").write_text("first")
    check = "{id: a, http: 'http://h/', bearer: {file: key}}"
    (folder / "main.yaml").write_text(f"include: [more]\nproducts:\n- {{id: one, objective: 99%, checks: [{check}]}}\n")
    (folder / "more" / "two.yaml").write_text(
        "products:\n- {id: two, objective: 99%, checks: [{id: a, http: 'http://h/'}]}\n"
    )
    before = digest(folder)
    copied = shutil.copytree(folder, tmp_path / "copy")
    assert digest(copied) == before
    (folder / "key").write_text("second")
    assert digest(folder) == before
    (folder / "more" / "two.yaml").write_text(
        "products:\n- {id: two, objective: 98%, checks: [{id: a, http: 'http://h/'}]}\n"
    )
    assert digest(folder) != before


def test_status_reports_an_alert_that_cannot_fire(target: HttpTarget, tmp_path: Path) -> None:
    """It is reported once: as a warning of the configuration, or without one as a note of the daemon."""
    path = write_config(tmp_path, target.url("/"), f"127.0.0.1:{free_port()}")
    path.write_text(path.read_text().replace("objective: 99%", "objective: 90%"))
    with running_daemon(path) as daemon:
        wait_for("a good probe of both", lambda: daemon.api("/products")[0]["state"] == "up")
        assert run_in_process("status", "-c", path).stderr.count("NinewatchBudgetBurnsFast cannot fire: ") == 1
        (note,) = _notes(daemon.api("/products"))
        assert note.startswith("demo: NinewatchBudgetBurnsFast cannot fire: it needs a burn rate of 14.4")
