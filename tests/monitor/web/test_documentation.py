"""The built documentation under /docs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from monitor.config.access import AccessBlock
from monitor.errors import NinewatchError
from monitor.health import Health
from monitor.web.server import build
from tests.monitor.web.conftest import small_ledger
from tests.monitor.web.test_server import CSP
from tests.support.clocks import ManualClock
from tests.support.ledgers import NOW

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    from monitor.ledger.ledger import Ledger
    from tests.monitor.web.conftest import RunningServer

    Publish = Callable[..., Awaitable[RunningServer]]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    site = tmp_path / "site"
    (site / "docs").mkdir(parents=True)
    (site / "index.html").write_text("<!doctype html><title>Overview</title>")
    (site / "docs/alerting.html").write_text("<!doctype html><title>Alerting</title>")
    (site / "docs/example.yaml").write_text("a: é")
    (site / "main.css").write_text("a { color: red }")
    (tmp_path / "secret.txt").write_text("secret")
    (site / "link.txt").symlink_to(tmp_path / "secret.txt")
    return site


def documented(folder: Path, **fields: object) -> Ledger:
    """Return a ledger whose configuration publishes the folder."""
    ledger = small_ledger()
    ledger.portfolio = ledger.portfolio.model_copy(update={"documentation": folder, **fields})
    return ledger


@pytest.mark.parametrize(
    ("path", "media_type", "text"),
    [
        ("/docs/", "text/html; charset=utf-8", "<!doctype html><title>Overview</title>"),
        ("/docs/docs/alerting.html", "text/html; charset=utf-8", "<!doctype html><title>Alerting</title>"),
        ("/docs/docs/example.yaml", "text/plain; charset=utf-8", "a: é"),
        ("/docs/main.css", "text/css", "a { color: red }"),
    ],
)
async def test_file_is_served_with_the_strict_policy(
    publish: Publish, folder: Path, path: str, media_type: str, text: str
) -> None:
    server = await publish(documented(folder))
    response = await server.get(path)
    assert (response.status, response.text) == (200, text)
    assert response.headers["Content-Type"] == media_type
    assert response.headers["Content-Security-Policy"] == CSP
    assert response.headers["Cache-Control"] == "private, no-cache"


async def test_unchanged_file_is_not_sent_again(publish: Publish, folder: Path) -> None:
    server = await publish(documented(folder))
    first = await server.get("/docs/main.css")
    again = await server.get("/docs/main.css", headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status, again.text, again.headers["ETag"]) == (304, "", first.headers["ETag"])
    (folder / "main.css").write_text("a { color: green }")
    changed = await server.get("/docs/main.css", headers={"If-None-Match": first.headers["ETag"]})
    assert (changed.status, changed.text) == (200, "a { color: green }")


async def test_address_without_the_last_slash_is_redirected(publish: Publish, folder: Path) -> None:
    server = await publish(documented(folder))
    response = await server.get("/docs", allow_redirects=False)
    assert (response.status, response.headers["Location"]) == (308, "/docs/")


@pytest.mark.parametrize(
    "path",
    [
        "/docs/missing.html",
        "/docs/docs",
        "/docs/link.txt",
        "/docs/..%2fsecret.txt",
        "/docs/%2e%2e/secret.txt",
        "/docs/%2fetc%2fpasswd",
        "/docs/a%00b",
        "/docs/" + "a" * 3000,
    ],
)
async def test_only_files_of_the_folder_are_served(publish: Publish, folder: Path, path: str) -> None:
    from yarl import URL

    server = await publish(documented(folder))
    async with server.session.get(URL(server.base + path, encoded=True)) as response:
        text = await response.text()
    assert response.status == 404
    assert "secret" not in text.replace("secret.txt", "")


async def test_documentation_needs_the_right_to_read(publish: Publish, folder: Path) -> None:
    server = await publish(documented(folder, access=AccessBlock(read="token")))
    for path in ("/docs", "/docs/", "/docs/main.css"):
        assert (await server.get(path, allow_redirects=False)).status == 401


async def test_server_without_documentation_names_the_key(server: RunningServer) -> None:
    response = await server.get("/docs/")
    assert (response.status, response.text) == (
        404,
        "this server has no documentation; set `documentation` in the configuration\n",
    )


async def test_folder_that_disappears_is_a_missing_page(publish: Publish, folder: Path) -> None:
    server = await publish(documented(folder))
    folder.rename(folder.with_name("moved"))
    assert (await server.get("/docs/")).status == 404


def test_missing_folder_is_an_error_at_the_start(tmp_path: Path) -> None:
    ledger = documented(tmp_path / "site")
    with pytest.raises(NinewatchError) as raised:
        build(ledger, Health(), ManualClock(NOW))
    assert str(raised.value) == (
        f"documentation: cannot read {tmp_path}/site/index.html: no such file or directory; build it with `make docs`"
        " in a checkout (it writes var/site), or remove the key"
    )
