"""Reading status feeds from real servers: statements as facts, conditional requests, rate limits and failures."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Callable
from typing import TYPE_CHECKING, Any

import pytest
import trustme

from monitor.config.outbound import OutboundBlock
from monitor.engine.probe_environment import probe_environment
from monitor.facts.fact_index import Facts
from monitor.health import Health
from monitor.network.outbound_policy import OutboundPolicy
from monitor.status_feeds.formats import MAX_BYTES
from monitor.status_feeds.service import UNREADABLE_AFTER, StatusFeeds
from sla.fact import Fact
from sla.interval import HOUR, SECOND
from sla.supplier_statement import FeedState, Statement, feed_states, statements
from tests.monitor.status_feeds.samples import atom, entry, gc_notify, incident, instant, statuspage
from tests.support.certificates import server_context, write_client_certificate
from tests.support.clocks import ManualClock
from tests.support.ledgers import GOOD_RESULT, NOW, ledger_of, observe, product
from tests.support.monitoring import Target
from tests.support.scripted_http import Received, ScriptedHttp, scripted_http
from tests.support.servers import http_response

if TYPE_CHECKING:
    from pathlib import Path

    from monitor.ledger.ledger import Ledger

PATH = "GET /feed"


class Reader:
    """The service with a manual clock, an in-memory journal and a real server."""

    def __init__(self, server: ScriptedHttp, ledger: Ledger, attempt: Callable[[], Any], clock: ManualClock) -> None:
        self.server, self.ledger, self.clock, self.attempt = server, ledger, clock, attempt
        self.service = StatusFeeds(ledger, self.add, clock)

    def add(self, facts: Any) -> None:
        self.ledger.facts = Facts(self.ledger.facts.all, facts, former_ids=self.ledger.former_ids)

    async def read(self, content: bytes | None = None, seconds: float = 300) -> None:
        """Wait for the next reading, of this content."""
        if content is not None:
            self.server.routes[PATH] = content if content.startswith(b"HTTP/") else http_response(content)
        self.clock.jump(seconds)
        await self.service.read_due_feeds(self.attempt)

    @property
    def stated(self) -> list[tuple[str, str, bool]]:
        """The key, the title and the end of each statement."""
        return [(row.key, row.title, row.until is not None) for row in statements(self.ledger.facts.all)]

    @property
    def states(self) -> list[tuple[bool, str]]:
        return [(state.readable, state.error) for state in feed_states(self.ledger.facts.all)]

    @property
    def requests(self) -> list[Received]:
        return self.server.requests


@contextlib.asynccontextmanager
async def reader(outbound: OutboundPolicy | None = None, **feed: Any) -> AsyncIterator[Reader]:
    """Run a reader of a feed, whose product was first observed an hour ago. `FORMAT=""` is replaced by the URL."""
    async with scripted_http({}) as server:
        values = {key: f"{server.url}/feed" if value == "" else value for key, value in feed.items()}
        ledger, clock = ledger_of(product("sso", status_feed=values)), ManualClock(NOW)
        observe(ledger, ledger.entries["sso/health"], NOW - HOUR, GOOD_RESULT)
        async with probe_environment(clock, Health(), outbound=outbound) as (runner, _):
            yield Reader(server, ledger, runner.new_attempt, clock)


async def test_client_key_is_never_shown(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The server's certificate is not trusted, so the handshake fails after the key was loaded."""
    authority = trustme.CA()
    certificate, key = write_client_certificate(authority, tmp_path)
    tls = {"certificate": str(certificate), "key": {"file": str(key)}}
    with Target().serving(server_context(authority.issue_cert("127.0.0.1"))) as port:
        async with reader(statuspage=f"https://127.0.0.1:{port}/feed", tls=tls) as feed:
            for _ in range(UNREADABLE_AFTER):
                await feed.read(seconds=86_400)
            ((readable, error),) = feed.states
            printed = capsys.readouterr()
            facts = [fact.body for fact in feed.ledger.facts.all]
            shown = [printed.out, printed.err, repr(feed.ledger.portfolio), *facts]
    assert not readable
    assert "certificate" in error
    secret_lines = [line for line in key.read_text().splitlines() if "-----" not in line]
    assert secret_lines
    assert not any(line in text for line in secret_lines for text in shown)


async def test_statuspage_incident_becomes_a_statement_that_ends() -> None:
    async with reader(statuspage="") as feed:
        old = incident("old", -9000, -7200)  # it ended before the product was observed
        await feed.read(statuspage(old))
        assert (feed.stated, feed.states) == ([], [(True, "")])
        await feed.read(statuspage(incident("a", 500), old))
        await feed.read(statuspage(incident("a", 500), old))
        assert feed.stated == [("a", "Incident a", False)]
        await feed.read(statuspage(incident("a", 500, 1100, name="Logins failed"), old))
        assert feed.stated == [("a", "Logins failed", True)]
        (stated,) = statements(feed.ledger.facts.all)
        assert (stated.since, stated.until, stated.absent_at) == (
            NOW + 500 * SECOND,
            NOW + 1100 * SECOND,
            NOW + 300 * SECOND,
        )
        assert len(feed.ledger.facts.all) == 3  # an unchanged statement adds no fact


async def test_incident_that_is_dated_back_is_admitted_when_it_appears() -> None:
    async with reader(statuspage="") as feed:
        await feed.read(statuspage())
        await feed.read(statuspage(incident("a", 60)))
        (stated,) = statements(feed.ledger.facts.all)
        assert (stated.since, stated.admitted) == (NOW + 60 * SECOND, NOW + 300 * SECOND)


async def test_incident_that_was_removed_has_ended() -> None:
    async with reader(statuspage="") as feed:
        await feed.read(statuspage(incident("a", 60)))
        await feed.read(statuspage())
        assert feed.stated == [("a", "Incident a", True)]


async def test_atom_feed() -> None:
    async with reader(atom="") as feed:
        await feed.read(atom(entry("1", 60, "Investigating")))
        await feed.read(atom(entry("1", 60, "Resolved", 500)))
        assert feed.stated == [("tag:status.example.org,2005:Incident/1", "Incident 1", True)]


async def test_each_problem_of_gc_notify_is_a_statement_of_its_own() -> None:
    async with reader(gc_notify="") as feed:
        await feed.read(gc_notify(email="degraded"))
        await feed.read(gc_notify(email="down"))
        await feed.read(gc_notify())
        await feed.read(gc_notify(email="down"))
        first, second = f"email {instant(300)}", f"email {instant(1200)}"
        assert feed.stated == [(first, "email down", True), (second, "email down", False)]


async def test_only_problems_of_the_needed_components_are_statements() -> None:
    async with reader(gc_notify="", components=["sms"]) as feed:
        await feed.read(gc_notify(email="down"))
        assert feed.stated == []
        await feed.read(gc_notify(email="down", sms="down"))
        assert [title for _, title, _ in feed.stated] == ["sms down"]
    async with reader(statuspage="", components=["Sign-in"]) as feed:
        other = {"components": [{"id": "c2", "name": "Payments"}]}
        await feed.read(statuspage(incident("a", 0), incident("b", 0, **other), incident("c", 0, components=[])))
        assert [key for key, _, _ in feed.stated] == ["a", "c"]


async def test_announced_problem_of_the_future_is_no_statement_yet() -> None:
    async with reader(statuspage="") as feed:
        await feed.read(statuspage(incident("a", 400)))
        assert feed.stated == []
        await feed.read()
        assert feed.stated == [("a", "Incident a", False)]


async def test_feed_is_read_at_its_interval_with_conditional_requests() -> None:
    async with reader(statuspage="", interval="10m") as feed:
        headers = {"ETag": '"v1"', "Last_Modified": "Mon, 30 Nov 2026 09:00:00 GMT"}
        await feed.read(http_response(statuspage(incident("a", 60)), **headers))
        await feed.read(http_response(b"", "304 Not Modified"), 599)
        assert len(feed.requests) == 1
        await feed.read(None, 1)
        assert [request.headers.get("if-none-match") for request in feed.requests] == [None, '"v1"']
        assert feed.requests[1].headers["if-modified-since"] == headers["Last_Modified"]
        assert (feed.stated, feed.states) == ([("a", "Incident a", False)], [(True, "")])
        await feed.read(statuspage(), 600)
        assert feed.stated == [("a", "Incident a", True)]


async def test_not_modified_ends_no_component_and_counts_as_a_reading() -> None:
    async with reader(gc_notify="") as feed:
        await feed.read(http_response(gc_notify(email="down"), ETag='"v1"'))
        await feed.read(http_response(b"", "304 Not Modified"))
        assert [ended for _, _, ended in feed.stated] == [False]


async def test_requested_wait_is_respected() -> None:
    async with reader(statuspage="", interval="1m") as feed:
        await feed.read(http_response(b"", "429 Too Many Requests", Retry_After="1800"))
        await feed.read(statuspage(), 1799)
        assert len(feed.requests) == 1
        await feed.read(None, 1)
        assert (len(feed.requests), feed.states) == (2, [(True, "")])


async def test_failures_delay_the_next_request_and_are_recorded_after_three() -> None:
    async with reader(statuspage="", interval="1m") as feed:
        await feed.read(statuspage())
        for seconds in (60, 60, 120):
            await feed.read(http_response(b"", "503 Service Unavailable"), seconds)
        assert len(feed.requests) == 4
        assert feed.states == [(True, ""), (False, "status 503")]
        await feed.read(statuspage(), 240)
        assert feed.states[-1] == (True, "")


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (b"<html>", "not JSON"),
        (b"[" * 100_000, "nested too deeply"),
        (statuspage() + b" " * MAX_BYTES, "longer than 2 MiB"),
        (http_response(b"", "404 Not Found"), "status 404"),
        (http_response(b"", "304 Not Modified"), "status 304"),
        (http_response(b"", "302 Found", Location="/feed"), "more than 3 redirects"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{", ""),
    ],
)
async def test_malformed_and_huge_answers_are_failures(answer: bytes, error: str) -> None:
    async with reader(statuspage="", interval="1m") as feed:
        for _ in range(3):
            await feed.read(answer, 600)
        assert [readable for readable, _ in feed.states] == [False]
        assert error in feed.states[0][1]
        assert feed.stated == []


async def test_error_of_a_request_is_shown_as_text() -> None:
    async with reader(statuspage="http://127.0.0.1:1/feed") as feed:
        for _ in range(3):
            await feed.read(seconds=3600)
        assert feed.states == [(False, "connect_refused: ECONNREFUSED from 127.0.0.1 port 1")]


async def test_feed_with_a_defect_is_read_at_its_interval(monkeypatch: pytest.MonkeyPatch) -> None:
    def defect(*_: object) -> None:
        raise LookupError("a defect")

    async with reader(statuspage="") as feed:
        monkeypatch.setattr("monitor.status_feeds.service.problems_in", defect)
        await feed.read(statuspage())
        await feed.read(seconds=299)
        assert len(feed.requests) == 1
        monkeypatch.undo()
        await feed.read(seconds=1)
        assert feed.states == [(True, "")]


async def test_feed_with_components_that_changed_was_not_read_before() -> None:
    """The last reading with other components does not show when the supplier stated a problem of the new ones."""
    async with reader(statuspage="") as feed:
        other = {"components": [{"id": "c2", "name": "Payments"}]}
        url = feed.ledger.products["sso"].status_feed.url  # type: ignore[union-attr]
        for components in (["Sign-in"], ["Payments"]):
            configured = product("sso", status_feed={"statuspage": url, "components": components})
            feed.ledger.reload(ledger_of(configured).portfolio)
            await feed.read(statuspage(incident("a", 10, **other)))
        (stated,) = statements(feed.ledger.facts.all)
        assert (stated.absent_at, stated.admitted) == (None, NOW + 10 * SECOND)


async def test_failed_reading_changes_no_statement() -> None:
    async with reader(statuspage="") as feed:
        await feed.read(statuspage(incident("a", 60)))
        await feed.read(b"<html>")
        assert feed.stated == [("a", "Incident a", False)]


async def test_outbound_policy_applies() -> None:
    denied = OutboundPolicy(OutboundBlock.model_validate({"deny": ["127.0.0.0/8"]}))
    async with reader(denied, statuspage="") as feed:
        for _ in range(3):
            await feed.read(statuspage(), 3600)
        assert feed.requests == []
        assert [readable for readable, _ in feed.states] == [False]


async def test_feed_of_two_products_is_read_once() -> None:
    async with scripted_http({PATH: http_response(gc_notify(email="down", api="down"))}) as server:
        url, clock = f"{server.url}/feed", ManualClock(NOW)
        mail = product("mail", status_feed={"gc_notify": url, "components": ["email"]})
        ledger = ledger_of(mail, product("api", status_feed={"gc_notify": url, "components": ["api"]}))
        async with probe_environment(clock, Health()) as (runner, _):
            reading = Reader(server, ledger, runner.new_attempt, clock)
            await reading.read()
        assert len(server.requests) == 1
        assert sorted((row.product, row.title) for row in statements(ledger.facts.all)) == [
            ("api", "api down"),
            ("mail", "email down"),
        ]


async def test_feed_that_is_no_longer_configured_is_no_longer_read() -> None:
    async with reader(gc_notify="") as feed:
        await feed.read(gc_notify())
        feed.ledger.reload(ledger_of(product("sso")).portfolio)
        await feed.read()
        await feed.read()
        assert len(feed.requests) == 1
        assert feed.states == [(True, ""), (False, "not configured")]


async def test_restart_continues_the_statements() -> None:
    async with reader(gc_notify="") as feed:
        await feed.read(gc_notify(email="down"))
        feed.service = StatusFeeds(feed.ledger, feed.add, feed.clock)
        await feed.read(gc_notify())
        assert [(title, ended) for _, title, ended in feed.stated] == [("email down", True)]
        assert feed.states == [(True, "")]


def test_facts_are_those_of_the_journal() -> None:
    """The fields of the facts are frozen, because records keep them."""
    fact = Statement("sso", "a", "Slow", 5, None, 4, 6).fact(6)
    assert (fact.kind, fact.product, fact.author, fact.body) == (
        "supplier_statement",
        "sso",
        "status feed",
        '{"absent_at":4,"key":"a","since":5,"title":"Slow","until":null}',
    )
    assert FeedState("sso", 1, True).fact() == Fact.of(
        1, "status feed", "supplier_feed", "sso", {"readable": True, "error": ""}
    )
