"""The served pages: valid structure, escaped text, and unknown values shown as unknown."""

from __future__ import annotations

import json
from fractions import Fraction
from html.parser import HTMLParser
from itertools import chain
from typing import TYPE_CHECKING

import pytest

from monitor.probe_result import ProbeResult
from monitor.views.formatting import moment
from sla.interval import DAY, HOUR, MINUTE, SECOND
from sla.readiness import Checklist, ChecklistItem
from tests.monitor.web.conftest import small_ledger
from tests.support.ledgers import (
    BAD,
    GOOD,
    NOW,
    history,
    large_ledger,
    ledger_of,
    observe,
    probe_all,
    product,
)

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from tests.monitor.web.conftest import RunningServer

PAGES = ["/", "/products/chefs", "/products/css"]
VOID = {"meta", "link", "path", "circle", "rect", "br", "img", "input"}


class Outline(HTMLParser):
    """Collects the tags and the text of a page; fails if tags are not nested correctly."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.stack: list[str] = []
        self.words: list[str] = []
        self.feed(text)
        self.close()
        assert self.stack == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.stack.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.stack.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())

    def attributes_of(self, tag: str) -> list[dict[str, str | None]]:
        return [attrs for name, attrs in self.tags if name == tag]


async def outline(server: RunningServer, path: str) -> Outline:
    response = await server.get(path)
    assert response.status == 200
    return Outline(response.text)


@pytest.mark.parametrize("path", PAGES)
async def test_pages_have_a_language_one_heading_landmarks_and_headings_in_order(
    server: RunningServer, path: str
) -> None:
    page = await outline(server, path)
    assert page.attributes_of("html") == [{"lang": "en"}]
    levels = [int(name[1]) for name, _ in page.tags if name in ("h1", "h2", "h3", "h4")]
    assert levels.count(1) == 1
    assert all(level <= before + 1 for before, level in zip([0, *levels], levels, strict=False))
    assert [len(page.attributes_of(tag)) for tag in ("header", "main")] == [1, 1]
    assert page.attributes_of("a")[0]["href"] == "#main"
    assert all(attrs.get("scope") for attrs in page.attributes_of("th"))
    ids = [attrs["id"] for _, attrs in page.tags if "id" in attrs]
    assert len(ids) == len(set(ids))


@pytest.mark.parametrize("path", PAGES)
async def test_pages_meet_their_content_security_policy(server: RunningServer, path: str) -> None:
    page = await outline(server, path)
    assert not [attrs for _, attrs in page.tags if "style" in attrs or any(name.startswith("on") for name in attrs)]
    assert not page.attributes_of("style")
    assert [set(attrs) for attrs in page.attributes_of("script")] == [{"src", "defer"}]


@pytest.mark.fault(46)
async def test_target_text_is_escaped_truncated_and_on_one_line(server: RunningServer) -> None:
    """The text contains markup, bidirectional overrides, control characters and a megabyte of letters."""
    hostile_text = "<script>alert(1)</script>\"'&\x00\x1b[31m\u202e\n" + "A" * 1_000_000
    entry = server.ledger.entries["css/health"]
    observe(server.ledger, entry, NOW + SECOND, ProbeResult(BAD, "body_mismatch", 200, detail=hostile_text))
    response = await server.get("/products/css")
    assert "<script>alert" not in response.text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in response.text
    assert not set(response.text) & {"\x00", "\x1b", "\u202e"}
    assert len(response.text) < 60_000


@pytest.mark.fault(45)
async def test_product_names_are_escaped(server: RunningServer) -> None:
    assert "Forms &lt;i&gt;&amp;" in (await server.get("/")).text


async def test_portfolio_lists_the_worst_product_first_with_a_summary(server: RunningServer) -> None:
    page = await outline(server, "/")
    assert "1 of 2 products is down" in page.text
    links = [attrs["href"] for attrs in page.attributes_of("a") if attrs["href"].startswith("/products/")]
    assert links[:3] == ["/products/css", "/products/css", "/products/chefs"]  # the first needs attention
    assert "1 open incident" in page.text


async def test_figures_are_rounded_down_and_shown_with_bounds_and_window(server: RunningServer) -> None:
    page = await outline(server, "/products/css")
    measured = server.ledger.measured("css", "30d", NOW)
    assert measured.availability.point is not None
    rounded_down = int(measured.availability.point * 100_000) / 1000
    assert f"{rounded_down:.3f}%" in page.text
    assert "Last 30 days" in page.text
    assert "at most one change of state between consecutive probes" in page.text


async def test_page_without_observations_shows_no_figures(publish: object) -> None:
    server = await publish(ledger_of(product("chefs")))
    page = await outline(server, "/products/chefs")
    assert "No observation yet" in page.text
    assert "n/a" in page.text
    assert "Unknown" in page.text
    assert "100.00% Coverage" not in page.text


@pytest.mark.fault(51)
async def test_page_is_marked_stale_when_observations_stop(server: RunningServer) -> None:
    hold = max(entry.hold for entry in server.ledger.entries.values())
    server.clock.jump(hold / SECOND)
    assert (await outline(server, "/")).attributes_of("main")[0]["class"] == "fed"
    server.clock.jump(1)
    page = await outline(server, "/")
    assert page.attributes_of("main")[0]["class"] == "stale"
    assert "No new observation for 2m 11s" in page.text


async def test_every_page_marks_seeded_demo_data(server: RunningServer) -> None:
    assert "seeded demo data" not in (await outline(server, "/")).text
    next(iter(server.ledger.entries.values())).seeded_until = NOW - DAY
    for path in PAGES:
        assert "is seeded demo data" in (await outline(server, path)).text


async def test_times_are_in_the_portfolios_zone_with_utc_attributes(publish: object) -> None:
    server = await publish(small_ledger())
    times = (await outline(server, "/")).attributes_of("time")
    assert all(time["datetime"].endswith("Z") and time["title"].endswith("UTC") for time in times)
    assert "PDT" in (await outline(server, "/")).text


async def test_history_bar_has_ninety_days_with_title_and_height(server: RunningServer) -> None:
    response = await server.get("/products/css")
    assert response.text.count('class="reach"') == 90
    assert response.text.count(": no data</title>") == 89
    page = Outline(response.text)
    groups = [attrs["class"] for attrs in page.attributes_of("g")]
    day_tops = [
        attrs["y"]
        for attrs in page.attributes_of("rect")
        if attrs.get("class") == "day" and attrs.get("y") in ("0", "40")
    ]
    assert (groups.count("down"), groups.count("none")) == (1, 89)
    assert (day_tops.count("0"), day_tops.count("40")) >= (1, 89)


async def test_claim_ceiling_is_shown_next_to_the_objective(publish: object) -> None:
    items = [ChecklistItem(name, f"{name} is drilled", "", "", Fraction(995, 1000)) for name in ("recovery", "restore")]
    attested = [
        {"item": "restore", "by": "Ada <a>", "until": "2999-01-01"},
        {"item": "recovery", "by": "Bea", "until": "2020-01-01"},
    ]
    readiness = {"checklist": Checklist("drills", "Drills", "", tuple(items)), "attested": attested}
    server = await publish(ledger_of(product("css", readiness=readiness)))
    assert "claim ceiling 99.500%" in (await outline(server, "/")).text
    page = await outline(server, "/products/css")
    assert "recovery is drilled expired; cap 99.500% attestation by Bea, until 2020-01-01" in page.text
    assert "restore is drilled met attestation by Ada <a>, until 2999-01-01" in page.text
    assert "1 of 2 prerequisites unmet" in page.text
    assert (await (await server.get("/api/v1/products/css")).json())["claim_ceiling"] == 0.995
    assert 'ninewatch_claim_ceiling_ratio{product="css"} 0.995' in (await server.get("/metrics")).text


async def test_long_portfolio_is_one_page(publish: object) -> None:
    ledger = large_ledger(30, 1)
    server = await publish(ledger)
    page = await outline(server, "/")
    assert "All 30 products are up" in page.text


async def test_metrics_format_follows_the_accept_header(server: RunningServer) -> None:
    text_page = await server.get("/metrics")
    assert text_page.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert "# EOF" not in text_page.text
    openmetrics = await server.get("/metrics", headers={"Accept": "application/openmetrics-text; version=1.0.0"})
    assert openmetrics.headers["Content-Type"] == "application/openmetrics-text; version=1.0.0; charset=utf-8"
    assert openmetrics.text.endswith("# EOF\n")
    assert openmetrics.text.count("# EOF") == 1


async def test_page_shows_the_budget_forecast(
    publish: Callable[..., Awaitable[RunningServer]],
) -> None:
    """There is a text for an unknown last day, and no forecast once the budget is spent."""
    names = ("calm", "ill", "blind", "spent")
    ledger = ledger_of(*(product(name, objective="99.995%" if name == "spent" else "99.9%") for name in names))
    outage = [(NOW - HOUR, NOW - 57 * MINUTE, "deadline")]
    runs = [
        history(f"{name}/health", NOW - 31 * DAY, NOW, outage if name in ("ill", "spent") else []) for name in names
    ]
    runs[2] = history("blind/health", NOW - 31 * DAY, NOW - 2 * DAY, [])
    ledger.restore(chain.from_iterable(runs), [], [])
    server = await publish(ledger)
    calm, ill, blind, spent = [(await outline(server, f"/products/{name}")).text for name in names]
    assert "At the burn rate of the last 24 hours, the budget lasts." in calm
    end = ledger.forecast("ill", NOW).exhausted_at
    assert end is not None
    assert (
        f"At the burn rate of the last 24 hours, the budget runs out at {moment(end, ledger.portfolio.zone).local}"
        in ill
    )
    assert "No budget forecast: the last 24 hours are unknown." in blind
    assert "At the burn rate of" not in spent


async def test_short_record_shows_its_start_and_the_time_of_a_possible_verdict(server: RunningServer) -> None:
    text = (await server.get("/products/chefs")).text
    since = moment(NOW - 60 * MINUTE, server.ledger.portfolio.zone).local
    assert (
        f"<p>Observed since {since} (1h): 100.000%, between 100.000% and 100.000%; a verdict is possible from" in text
    )
    body = await (await server.get("/api/v1/products/chefs")).json()
    assert body["watched"] == body["windows"]["30d"]["watched"]
    assert body["watched"]["availability"] == {"low": 1.0, "point": 1.0, "high": 1.0}
    assert body["windows"]["1h"].get("watched") is None


async def test_page_shows_the_number_of_checks_behind_an_estimate(
    publish: Callable[..., Awaitable[RunningServer]],
) -> None:
    """Two of three checks were probed in the last hour, the third only before; bounds and coverage stay equal."""
    ledger = ledger_of(product("chefs", 3))
    first, *others = ledger.entries_of("chefs")
    probe_all(ledger, [first], NOW - 120 * MINUTE, NOW - 60 * MINUTE)
    probe_all(ledger, others, NOW - 120 * MINUTE, NOW)
    server = await publish(ledger)
    assert "<p>Estimated from 2 of 3 checks for 57m 50s.</p>" in (await server.get("/products/chefs")).text
    figures = await (await server.get("/api/v1/products/chefs/availability?window=1h")).json()
    assert figures["availability"]["point"] == 1.0
    assert (figures["availability"]["low"], figures["availability"]["high"]) == (0.0, 1.0)
    assert figures["guessed_seconds"] == {"up": 3470.0, "down": 0.0}
    assert figures["provisional"] is True


async def test_degraded_product_is_shown_on_pages_and_in_the_api(
    publish: Callable[..., Awaitable[RunningServer]],
) -> None:
    ledger = ledger_of(product("forms"))
    observe(ledger, ledger.entries["forms/health"], NOW, ProbeResult(GOOD, "slow", detail="took 2s, <b>"))
    site = await publish(ledger)
    assert "The product is up, and degraded" in (await site.get("/")).text
    assert "health: took 2s, &lt;b&gt;" in (await site.get("/products/forms")).text
    answer = json.loads((await site.get("/api/v1/products/forms")).text)
    assert answer["state"] == "up"
    assert answer["degraded"] == [{"check": "health", "cause": "slow", "detail": "took 2s, <b>"}]
