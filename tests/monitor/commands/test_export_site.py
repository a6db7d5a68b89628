"""`ninewatch export site`: the copy has the content of the daemon's page, and every link in it leads to a file."""

from __future__ import annotations

import asyncio
import json
import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import pytest

from monitor.as_of import ledger_at
from monitor.commands.config_option import load_config
from monitor.facts.journal import Journal
from monitor.storage.sqlite import SqliteStore
from monitor.storage.store import Batch
from sla.interval import DAY, HOUR, MINUTE
from sla.public_incident import Phase, PublicUpdate
from sla.window import format_instant
from tests.monitor.commands.test_cli import run_in_process, write_config
from tests.monitor.web.conftest import publish as publish
from tests.monitor.web.test_pages import Outline
from tests.support.ledgers import NOW, history
from tests.support.status_pages import PAGE, SECRET, opened_incident

if TYPE_CHECKING:
    from pathlib import Path

    from tests.monitor.web.test_status_data import Publish

AT = NOW // MINUTE * MINUTE
STATUS_PAGE: dict[str, Any] = {
    "id": PAGE,
    "title": "Services for citizens",
    "licence": {"name": "CC-BY-4.0", "url": "https://creativecommons.org/licenses/by/4.0/"},
    "components": [{"id": "forms", "name": "Online forms", "product": "demo", "group": "Forms"}],
}


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """Return a configuration whose record has 20 days with an outage, and two public incidents."""
    store = SqliteStore(tmp_path / "n.db", 0)
    outage = (AT - 5 * DAY, AT - 5 * DAY + HOUR, f"{SECRET}_reason")
    runs = [run for name in ("health", "other") for run in history(f"demo/{name}", AT - 20 * DAY, AT, [outage])]
    store.write(Batch(runs=runs))
    store.close()
    current = opened_incident(AT)
    past = opened_incident(AT - 5 * DAY, title="Forms failed")
    past = replace(past, id=past.fact().id)
    closing = PublicUpdate(AT - 4 * DAY, f"{SECRET} author", Phase.RESOLVED, "It works again.")
    for fact in (current.fact(), past.fact(), closing.fact(past)):
        Journal.of(tmp_path / "n.db").add(fact)
    logo = tmp_path / "logo.svg"
    logo.write_text("<svg xmlns='http://www.w3.org/2000/svg'/>")
    path = write_config(tmp_path, f"https://{SECRET}.internal/")
    path.write_text(f"{path.read_text()}status_pages: {json.dumps([{**STATUS_PAGE, 'logo': str(logo)}])}\n")
    return path


def export(config: Path, *options: str) -> Path:
    folder = config.parent / "site"
    result = run_in_process("export", "site", folder, "--at", format_instant(AT), *options, "-c", config)
    assert re.fullmatch(rf"{folder}: \d+ files of {PAGE}, valid until \S+\n", result.output)
    return folder


def words(text: str) -> str:
    """Return the text of the main part of a page, without the note that it is a copy."""
    main = text[text.index("<main") : text.index("<footer")]
    main = re.sub(r'<p class="(?:outdated|notice)".*?</p>', "", main, flags=re.DOTALL)
    return Outline(main).text


async def test_copy_has_the_content_of_the_page_of_the_daemon(config: Path, publish: Publish) -> None:
    folder = await asyncio.to_thread(export, config)
    portfolio = load_config(config)[1]
    server = await publish(ledger_at(portfolio, portfolio.store, AT))
    server.clock.jump((AT - server.clock.now()) / 1e6)
    base = f"{server.base}/status/{PAGE}"
    names = {"index.html": "", "history.html": "/history"}
    names |= {f"incidents/{file.name}": f"/incidents/{file.stem}" for file in (folder / "incidents").iterdir()}
    assert len(names) == 4
    for name, path in names.items():
        answer = await server.session.get(base + path)
        assert words((folder / name).read_text()) == words(await answer.text()), name
    data = [file for file in folder.rglob("*") if file.suffix in (".csv", ".atom", ".ics") or "badges" in file.parts]
    for file in data:
        if file.is_file():
            answer = await server.session.get(f"{base}/{file.relative_to(folder)}")
            assert (answer.status, await answer.read()) == (200, file.read_bytes()), file
    live = json.loads(await (await server.session.get(f"{base}/status.json")).text())
    copy = json.loads((folder / "status.json").read_text())
    assert copy["page"].pop("valid_until") != live["page"].pop("valid_until")
    assert copy == live


def test_every_link_of_the_copy_leads_to_a_file_and_nothing_is_private(config: Path) -> None:
    folder = export(config)
    pages = list(folder.rglob("*.html"))
    for page in pages:
        text = page.read_text()
        links = re.findall(r'(?:href|src)="([^"#]+)"', text)
        local = [link for link in links if not link.startswith("https://")]
        assert local
        for link in local:
            assert (page.parent / unquote(link)).is_file(), (page.name, link)
        assert 'http-equiv="refresh"' not in text
        assert "<script src=" in text
        assert "<script>" not in text
    assert all(SECRET.encode() not in file.read_bytes() for file in folder.rglob("*") if file.is_file())


def test_copy_has_a_folder_for_each_further_language(config: Path) -> None:
    config.write_text(config.read_text().replace('"components"', '"languages": ["en", "fr"], "components"'))
    folder = export(config)
    english, french = ((folder / name).read_text() for name in ("index.html", "fr/index.html"))
    assert ('<html lang="en">' in english, '<html lang="fr">' in french) == (True, True)
    assert 'hreflang="fr" href="fr/index.html"' in english
    assert 'hreflang="en" href="../index.html"' in french
    (incident, _) = sorted((folder / "fr/incidents").iterdir())
    assert f'hreflang="en" href="../../incidents/{incident.name}"' in incident.read_text()
    assert "Cette page est une copie" in french
    check_links(folder)


def check_links(folder: Path) -> None:
    """Check that every link of the copy leads to a file."""
    for page in folder.rglob("*.html"):
        links = re.findall(r'(?:href|src)="([^"#]+)"', page.read_text())
        for link in [link for link in links if not link.startswith("https://")]:
            assert (page.parent / unquote(link)).is_file(), (page, link)


def test_copy_states_its_validity_and_old_data(config: Path) -> None:
    text = (export(config, "--valid-for", "1h") / "index.html").read_text()
    assert 'class="copy"' in text
    assert f'data-valid-until="{(AT + HOUR) // 1000}"' in text
    assert "This is a copy: data as of 2026-09-21" in Outline(text).text
    later = format_instant(AT + 2 * DAY)
    run_in_process("export", "site", config.parent / "site", "--at", later, "-c", config)
    text = (config.parent / "site" / "index.html").read_text()
    assert 'class="stale"' in text
    assert "The data on this page is old. The last observation is from" in Outline(text).text


def test_export_replaces_files_and_leaves_no_other(config: Path) -> None:
    first = sorted(export(config).rglob("*"))
    assert sorted(export(config).rglob("*")) == first
    assert not [file for file in first if file.name.startswith(".")]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--page", "none"), f'unknown status page "none"; known pages: {PAGE}'),
        (("--page", ""), f'unknown status page ""; known pages: {PAGE}'),
        (("--valid-for", "1s"), "--valid-for is not a duration from 1m to 1d"),
        (("--valid-for", "soon"), "--valid-for is not a duration from 1m to 1d"),
    ],
)
def test_mistakes_have_one_error(config: Path, options: tuple[str, ...], message: str) -> None:
    result = run_in_process("export", "site", config.parent / "site", *options, "-c", config)
    assert message in str(result.exception)
    assert not (config.parent / "site").exists()


def test_page_is_required_if_there_are_several_and_an_error_if_there_is_none(config: Path) -> None:
    text, pages = config.read_text().split("status_pages: ")
    config.write_text(text)
    result = run_in_process("export", "site", config.parent / "other", "-c", config)
    assert "the configuration has no status page; add one under status_pages:" in str(result.exception)
    second = {**STATUS_PAGE, "id": "staff"}
    config.write_text(f"{text}status_pages: {json.dumps([*json.loads(pages), second])}\n")
    result = run_in_process("export", "site", config.parent / "other", "-c", config)
    assert f"there are several status pages; specify one with --page: {PAGE}, staff" in str(result.exception)
    result = run_in_process("export", "site", config.parent / "n.db" / "x", "--page", "staff", "-c", config)
    assert "cannot write" in str(result.exception)
