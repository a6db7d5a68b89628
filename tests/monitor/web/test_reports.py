"""The executive summary in plain words, and downloads of the full report."""

from __future__ import annotations

import asyncio
import json
import threading
from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest

from monitor.commands.config_option import load_config
from monitor.ledger.ledger import Ledger
from monitor.reporting.executive_summary import headline, summary_sentence
from monitor.web import reports
from monitor.web.errors import Refusal
from sla.availability import Verdict
from sla.interval import DAY, HOUR, MINUTE, Interval
from sla.window import parse_instant
from tests.monitor.reporting import month
from tests.support.clocks import ManualClock
from tests.support.ledgers import BAD, GOOD, NOW, ledger_of, product, run

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    from tests.monitor.web.conftest import RunningServer

    Publish = Callable[..., Awaitable[RunningServer]]

DOWN = parse_instant("2026-08-10T18:00:20Z")  # in the month before NOW
START = NOW - 60 * DAY


def three_services() -> Ledger:
    """Return a ledger in which one service kept its promise in August, one did not, and one is not certain."""
    ledger = ledger_of(*(product(name, name=name.title()) for name in ("kept", "broken", "open", "silent")))
    runs = [
        run("kept/health", GOOD, START, NOW),
        run("broken/health", GOOD, START, DOWN - MINUTE),
        run("broken/health", BAD, DOWN, DOWN + 2 * HOUR),
        run("broken/health", GOOD, DOWN + 2 * HOUR + MINUTE, NOW),
        run("open/health", GOOD, START, DOWN),
        run("open/health", GOOD, DOWN + DAY, NOW),
        run("silent/health", GOOD, NOW - DAY, NOW),
    ]
    ledger.restore(runs, [], [])
    return ledger


async def test_summary_says_in_plain_words_which_promise_was_kept(publish: Publish) -> None:
    server = await publish(three_services())
    page = (await server.get("/reports?window=last%20month")).text
    assert "Executive summary, August 2026" in page
    assert "Of 4 services, 1 kept its promise, 1 did not and 2 cannot be decided." in page
    sentences = (
        "Broken did not keep its promise: it was down for at least 2h in August 2026 (promised 99.9%; 44m 38s was",
        "It is not certain whether Open kept its promise: it worked between 96.774% and 100.000% of August 2026",
        "Nothing is known about Silent in August 2026: it was not observed.",
        "Kept kept its promise: it worked at least 100.000% of August 2026 (promised 99.9%).",
    )
    places = [page.find(sentence) for sentence in sentences]
    assert -1 not in places, places
    assert places == sorted(places)
    assert page.count("Can be promised: at most") >= 3
    assert "<script" not in page


async def test_summary_in_french(publish: Publish) -> None:
    server = await publish(three_services())
    text = (await server.get("/reports?window=last%20month&lang=fr")).text.replace("\u00a0", " ")
    assert '<html lang="fr">' in text
    for sentence in (
        "Sommaire exécutif, août 2026",
        "Sur 4 services, 1 a respecté son engagement, 1 ne l’a pas respecté et 2 ont un résultat indéterminé.",
        "Broken : l’engagement n’a pas été respecté. Le service a été indisponible pendant au moins 2 h (août 2026;"
        " engagement : 99,9 %; durée permise : 44 min 38 s).",
        "Le service a fonctionné entre 96,774 % et 100,000 % du temps",
        "Silent : aucune donnée, car le service n’a pas été observé (août 2026).",
        "Kept : l’engagement a été respecté. Le service a fonctionné au moins 100,000 % du temps (août 2026;",
        "Engagement possible : au plus ",
        "pour les 30 derniers jours",
        '<option value="last month" selected>mois précédent</option>',
        "Les fichiers sont en anglais.",
    ):
        assert sentence in text, sentence
    assert (await server.get("/reports?lang=de")).status == 400


@pytest.mark.parametrize(
    ("window", "expected"),
    [
        ("month", "septembre 2026 à ce jour"),
        ("last quarter", "trimestre 2 de 2026"),
        ("last year", "2025"),
        ("last fiscal-year", "exercice 2025-2026"),
        ("last week", "semaine 38 de 2026"),
        ("last day", "dim. 20 sept. 2026"),
        ("2026-08-01T00:00:00Z/2026-08-08T00:00:00Z", "du 31 juillet 2026, "),
    ],
)
async def test_periods_in_french(publish: Publish, window: str, expected: str) -> None:
    server = await publish(three_services())
    text = (await server.get(f"/reports?window={quote(window)}&lang=fr")).text.replace("\u00a0", " ")
    assert expected in text


async def test_window_of_the_monthly_message_has_the_name_of_the_month(publish: Publish) -> None:
    server = await publish(three_services())
    page = (await server.get("/reports?window=2026-08-01/2026-09-01")).text
    assert "Executive summary, August 2026" in page
    assert "at least 2h in August 2026 (promised" in page
    text = (await server.get("/reports?window=2026-08-01/2026-09-01&lang=fr")).text
    assert "Sommaire exécutif, août\u00a02026" in text or "Sommaire exécutif, août 2026" in text


async def test_product_and_window_are_chosen_in_the_address(publish: Publish) -> None:
    server = await publish(three_services())
    page = (await server.get("/reports?product=kept&window=30d")).text
    assert "The promise was kept." in page
    assert "Broken did not" not in page
    assert 'href="/reports/file?product=kept&amp;window=30d&amp;format=xlsx"' in page
    present = (await server.get("/reports?window=month")).text
    assert "Kept kept its promise: it worked at least 100.000% of September 2026 so far (promised 99.9%)." in present
    custom = (await server.get("/reports?window=2026-08-01T00:00:00Z/2026-08-08T00:00:00Z")).text
    assert "<option selected>2026-08-01T00:00:00Z/2026-08-08T00:00:00Z</option>" in custom


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("product=none", 404),
        ("window=decade", 400),
        ("window=2000d", 400),
        (f"window={'9' * 101}", 400),
        ("file=1", 400),
    ],
)
async def test_invalid_choice_is_refused(publish: Publish, query: str, status: int) -> None:
    server = await publish(three_services())
    assert (await server.get(f"/reports?{query}")).status == status


@pytest.mark.parametrize(
    ("verdicts", "expected"),
    [
        ([Verdict.MET], "The promise was kept."),
        ([Verdict.MET, Verdict.MET], "All 2 services kept their promise."),
        ([Verdict.MISSED], "Of 1 service, none kept its promise with certainty and 1 did not."),
        ([Verdict.MET, None], "Of 2 services, 1 kept its promise and 1 cannot be decided."),
    ],
)
def test_headline_counts_the_promises(verdicts: list[Verdict | None], expected: str) -> None:
    assert headline(verdicts) == expected


def test_excluded_window_has_no_figure() -> None:
    agreement = {"service_hours": "Mon 07:00-08:00"}
    ledger = ledger_of(product("forms", agreement=agreement))
    ledger.restore([run("forms/health", GOOD, START, NOW)], [], [])
    sunday = parse_instant("2026-08-09T12:00:00Z")
    measured = ledger.contractual("forms", Interval(sunday, sunday + HOUR))
    assert "has no figure for that hour" in summary_sentence("Forms", measured, "that hour")


async def test_file_has_the_figures_of_the_record(publish: Publish, tmp_path: Path) -> None:
    portfolio, now = load_config(month.record(tmp_path)[0])[1], parse_instant(month.AFTER) + MINUTE
    server = await publish(Ledger(portfolio), ManualClock(now), record=portfolio.store)
    path = f"/reports/file?product=forms&window={quote('last month')}&format="
    answer = await server.get(path + "json")
    assert answer.raw.headers["Content-Disposition"] == 'attachment; filename="forms-last-month.json"'
    (forms,) = json.loads(answer.text)["products"]
    assert forms["raw"]["down_seconds"] > 3 * 3600
    assert (await server.get(path + "csv")).text.count("\n") > 50
    assert (await server.get(path + "docx")).status == 400


async def test_server_without_a_record_has_no_files(publish: Publish) -> None:
    server = await publish(three_services())
    assert (await server.get("/reports/file?format=pdf")).status == 503


async def test_one_file_is_computed_at_a_time(
    publish: Publish, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started, finish = asyncio.Event(), threading.Event()
    loop = asyncio.get_running_loop()

    def content(*_: object) -> bytes:
        loop.call_soon_threadsafe(started.set)
        assert finish.wait(60)
        return b"{}"

    monkeypatch.setattr(reports, "_content", content)
    server = await publish(three_services(), record=tmp_path / "record.db")
    first = asyncio.create_task(server.get("/reports/file?format=json"))
    await started.wait()
    second = await server.get("/reports/file?format=json")
    finish.set()
    assert (second.status, second.raw.headers["Retry-After"]) == (503, "60")
    assert (await first).text == "{}"


async def test_file_is_computed_to_its_end_if_its_client_disconnects() -> None:
    """A thread cannot be cancelled, so that clients that disconnect must not start one after another."""
    job, started, finish = reports.Job(), asyncio.Event(), threading.Event()
    loop = asyncio.get_running_loop()

    def content() -> bytes:
        loop.call_soon_threadsafe(started.set)
        assert finish.wait(60)
        return b"first"

    first = asyncio.create_task(job.run(content))
    await started.wait()
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    with pytest.raises(Refusal, match="another report is being computed"):
        await job.run(lambda: b"second")
    finish.set()
    await asyncio.gather(*(asyncio.all_tasks() - {asyncio.current_task()}))
    assert await job.run(lambda: b"third") == b"third"


@pytest.mark.parametrize(
    ("window", "name"),
    [
        ("last month\n", "all-last-month.json"),
        ('2026-08-01"00:00:00Z/2026-08-08T00:00:00Z', "all-2026-08-01000000Z_2026-08-08T000000Z.json"),
    ],
)
async def test_name_of_a_file_has_no_special_characters(
    publish: Publish, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, window: str, name: str
) -> None:
    monkeypatch.setattr(reports, "_content", lambda *_: b"{}")
    server = await publish(three_services(), record=tmp_path / "record.db")
    answer = await server.get(f"/reports/file?format=json&window={quote(window)}")
    assert answer.status == 200
    assert answer.raw.headers["Content-Disposition"] == f'attachment; filename="{name}"'
