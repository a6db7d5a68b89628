"""The API that writes: acknowledgements, silences, retries and test messages, each with a token and its author."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest

from monitor.access.scopes import Scope
from monitor.web.openapi import description
from monitor.web.openapi_alerts import OPERATIONS
from monitor.web.openapi_alerts import SCHEMAS as ALERT_SCHEMAS
from monitor.web.openapi_schemas import SCHEMAS
from sla.acknowledgement import ACKNOWLEDGEMENT, acknowledgements
from sla.interval import HOUR
from sla.silence import RETRY, SILENCE, SILENCE_END, silences
from sla.window import format_instant, parse_instant
from tests.support.alerting import BAD, GOOD, ledger_with_receivers
from tests.support.ledgers import product
from tests.support.sinks import Reply, Sink
from tests.support.writing import WritableSite, writable

if TYPE_CHECKING:
    from monitor.ledger.ledger import Ledger


@pytest.fixture
def sink() -> Iterator[Sink]:
    with Sink().serving() as served:
        yield served


def ledger(sink: Sink) -> Ledger:
    products = (
        product("forms", 1, "99%", name="Common Forms", readiness={"checklist": "five-nines"}),
        product("sso", 1, "99%"),
    )
    return ledger_with_receivers(*products, receivers=[{"id": "ops", "webhook": sink.url()}])


@pytest.fixture
async def site(tmp_path: Path, sink: Sink) -> AsyncIterator[WritableSite]:
    async with writable(ledger(sink), tmp_path) as served:
        yield served


async def fails(site: WritableSite, key: str = "forms/health") -> str:
    """Let the product fail, and return the key of the alert."""
    site.rig.observe(GOOD, BAD, BAD, key=key)
    await site.rig.written()
    return next(each.key for each in site.rig.alerting.open_alerts() if each.product == key.partition("/")[0])


async def test_an_alert_is_acknowledged_by_a_person_through_a_token(site: WritableSite) -> None:
    key, token = await fails(site), site.token()
    answer = await site.ask("POST", f"/api/v1/alerts/{key}/acknowledge", token, json={"by": "Ana Ng"})
    assert answer.status == 200
    now = format_instant(site.clock.now())
    assert answer.body == {
        "key": key, "product": "forms", "incident": key, "at": now, "by": "Ana Ng", "via": "api", "author": "pipeline",
    }  # fmt: skip
    (fact,) = site.journal
    assert (fact.kind, fact.author, fact.product, fact.made) == (ACKNOWLEDGEMENT, "pipeline", "forms", site.clock.now())
    assert acknowledgements(site.rig.ledger.facts.all) == acknowledgements([fact])
    (listed,) = (await site.ask("GET", "/api/v1/alerts")).body
    assert (listed["key"], listed["severity"], listed["acknowledged"]) == (key, "page", answer.body)


async def test_an_acknowledged_ticket_that_becomes_a_page_is_to_be_acknowledged_once_more(
    tmp_path: Path, sink: Sink
) -> None:
    """With one of two checks down the product is up by its rule."""
    one_of_two = product("forms", 2, "99%", rule="any")
    held = ledger_with_receivers(one_of_two, receivers=[{"id": "ops", "webhook": sink.url()}])
    async with writable(held, tmp_path) as site:
        site.rig.observe(GOOD, key="forms/check-1")
        site.rig.observe(GOOD, BAD, BAD, key="forms/health")
        await site.rig.written()
        (ticket,) = (await site.ask("GET", "/api/v1/alerts")).body
        token, path = site.token(), f"/api/v1/alerts/{ticket['key']}/acknowledge"
        site.clock.jump(1)
        assert (await site.ask("POST", path, token)).status == 200
        await site.rig.update()
        (alert,) = (await site.ask("GET", "/api/v1/alerts")).body
        assert (alert["severity"], alert["acknowledged"]["by"]) == ("ticket", "pipeline")
        site.rig.observe(BAD, BAD, key="forms/check-1")
        await site.rig.written()
        (alert,) = (await site.ask("GET", "/api/v1/alerts")).body
        assert (alert["severity"], alert["acknowledged"]) == ("page", None)
        assert (await site.ask("POST", path, token)).status == 200
        (alert,) = (await site.ask("GET", "/api/v1/alerts")).body
        assert alert["acknowledged"]["by"] == "pipeline"


async def test_without_a_person_the_token_acknowledges(site: WritableSite) -> None:
    key = await fails(site)
    answer = await site.ask("POST", f"/api/v1/alerts/{key}/acknowledge", site.token(name="robot"))
    assert (answer.status, answer.body["by"], answer.body["author"]) == (200, "robot", "robot")


@pytest.mark.parametrize("written", ["cert:forms/health:{at}", "cert:forms%2Fhealth:{at}"])
async def test_a_key_may_have_a_slash_in_it(site: WritableSite, written: str) -> None:
    from dataclasses import replace

    from monitor.probe_result import ProbeResult
    from sla.interval import DAY
    from tests.support.ledgers import observe

    expiry = site.clock.now() // 1_000_000 + 3 * DAY // 1_000_000
    seen = replace(ProbeResult(GOOD), certificate_expiry=float(expiry))
    observe(site.rig.ledger, site.rig.ledger.entries["forms/health"], site.clock.now(), seen)
    await site.rig.update()
    path = f"/api/v1/alerts/{written.format(at=expiry)}/acknowledge"
    answer = await site.ask("POST", path, site.token())
    assert (answer.status, answer.body["key"], answer.body["incident"]) == (200, f"cert:forms/health:{expiry}", None)


async def test_what_is_over_or_unknown_cannot_be_acknowledged(site: WritableSite) -> None:
    key, token = await fails(site), site.token()
    site.rig.observe(GOOD, GOOD, GOOD)
    await site.rig.written()
    answer = await site.ask("POST", f"/api/v1/alerts/{key}/acknowledge", token)
    assert (answer.status, answer.body["error"]) == (409, "the alert is resolved")
    for unknown in ("nothing", "..", "%2e%2e/%2e%2e/etc/passwd", "a/b/c"):
        assert (await site.ask("POST", f"/api/v1/alerts/{unknown}/acknowledge", token)).status in (404, 405)
    assert site.journal == []


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"{", "not JSON"),
        (b"[]", "not a JSON object"),
        (b"null", "not a JSON object"),
        (b"\xff", "not JSON"),
        (b"[" * 50_000, "not JSON"),
        (b'{"who": "Ana"}', 'unknown key "who"'),
        (b'{"by": ""}', "by is no text"),
        (b'{"by": 7}', "by is no text"),
        (b'{"by": ["a"]}', "by is no text"),
        (b'{"by": "a\\nb"}', "by is no text"),
        (b'{"by": "a\\u202eb"}', "by is no text"),
    ],
)
async def test_a_body_that_cannot_be_used_is_400_with_what_to_write(site: WritableSite, body: bytes, says: str) -> None:
    key, token = await fails(site), site.token()
    answer = await site.ask("POST", f"/api/v1/alerts/{key}/acknowledge", token, data=body)
    assert (answer.status, set(answer.body)) == (400, {"error", "remedy"})
    assert says in answer.body["error"]
    assert site.journal == []


async def test_a_body_without_end_is_refused(site: WritableSite) -> None:
    answer = await site.ask("POST", "/api/v1/silences", site.token(), data=b'{"reason": "' + b"x" * 100_000)
    assert (answer.status, answer.body["error"]) == (413, "the body is longer than 65536 bytes")


async def test_a_silence_is_added_listed_and_ended_with_its_authors(site: WritableSite) -> None:
    first, second = site.token(name="pipeline"), site.token(name="operator")
    made = await site.ask("POST", "/api/v1/silences", first, json={"product": "forms", "for": "2h", "reason": "load"})
    assert made.status == 201
    end = format_instant(site.clock.now() + 2 * HOUR)
    assert made.body == {
        "id": made.body["id"], "product": "forms", "key": None, "until": end, "reason": "load", "author": "pipeline",
        "made": format_instant(site.clock.now()),
    }  # fmt: skip
    assert (await site.ask("GET", "/api/v1/silences")).body == [made.body]
    assert (await site.ask("GET", "/api/v1/silences?product=sso")).body == []
    await fails(site)
    assert site.rig.rows() == []  # it is in force from the answer on
    ended = await site.ask("DELETE", f"/api/v1/silences/{made.body['id']}", second)
    assert (ended.status, ended.body["until"]) == (200, format_instant(site.clock.now()))
    assert (await site.ask("GET", "/api/v1/silences")).body == []
    assert {(each.kind, each.author) for each in site.journal} == {(SILENCE, "pipeline"), (SILENCE_END, "operator")}
    assert (await site.ask("DELETE", f"/api/v1/silences/{made.body['id']}", second)).status == 404


@pytest.mark.parametrize(
    ("body", "covers"),
    [
        ({"key": "blind:local:7"}, {("blind:local:7", "")}),
        ({"all": True}, {("blind:local:7", ""), ("x", "forms"), ("y", "sso")}),
        ({"product": "sso"}, {("y", "sso")}),
    ],
)
async def test_a_silence_covers_a_key_a_product_or_all(
    site: WritableSite, body: dict[str, Any], covers: set[tuple[str, str]]
) -> None:
    until = format_instant(site.clock.now() + HOUR)
    answer = await site.ask("POST", "/api/v1/silences", site.token(), json={**body, "until": until, "reason": "x"})
    assert (answer.status, parse_instant(answer.body["until"])) == (201, site.clock.now() + HOUR)
    (found,) = silences(site.journal)
    alerts = {("blind:local:7", ""), ("x", "forms"), ("y", "sso")}
    assert {each for each in alerts if found.covers(*each, site.clock.now())} == covers


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({}, 400),
        ({"product": "forms", "for": "2h"}, 400),
        ({"product": "forms", "reason": "x"}, 400),
        ({"product": "forms", "for": "2h", "until": "2999-01-01T00:00:00Z", "reason": "x"}, 400),
        ({"product": "forms", "for": "soon", "reason": "x"}, 400),
        ({"product": "forms", "for": 7, "reason": "x"}, 400),
        ({"product": "forms", "for": "999999w", "reason": "x"}, 400),
        ({"product": "forms", "until": "2020-01-01T00:00:00Z", "reason": "x"}, 400),
        ({"product": "forms", "until": "0001-01-01T00:00:00Z", "reason": "x"}, 400),
        ({"product": "forms", "until": "2026-12-01T00:00:00", "reason": "x"}, 400),
        ({"product": "nobody", "for": "2h", "reason": "x"}, 404),
        ({"product": ["forms"], "for": "2h", "reason": "x"}, 404),
        ({"product": "", "for": "2h", "reason": "x"}, 404),
        ({"product": "forms", "key": "a", "for": "2h", "reason": "x"}, 400),
        ({"product": "forms", "all": True, "for": "2h", "reason": "x"}, 400),
        ({"product": "forms", "all": False, "for": "2h", "reason": "x"}, 400),
        ({"all": "yes", "for": "2h", "reason": "x"}, 400),
        ({"key": "", "for": "2h", "reason": "x"}, 400),
        ({"all": True, "for": "2h", "reason": "a\nb"}, 400),
        ({"all": True, "for": "2h", "reason": "x", "author": "root"}, 400),
    ],
)
async def test_a_silence_that_is_not_clear_is_refused(site: WritableSite, body: dict[str, Any], status: int) -> None:
    answer = await site.ask("POST", "/api/v1/silences", site.token(), json=body)
    assert (answer.status, set(answer.body)) == (status, {"error", "remedy"})
    assert site.journal == []


WRITES = [(each.method.upper(), each.path.format(key="k", id="ops")) for each in OPERATIONS if each.scope is not None]


@pytest.mark.parametrize(("method", "path"), WRITES)
async def test_no_write_and_no_error_of_a_receiver_without_a_token_of_the_scope(
    site: WritableSite, method: str, path: str
) -> None:
    key = await fails(site)
    path = path.replace("/k/", f"/{key}/")
    facts = any(name in path for name in ("corrections", "deployments", "attestations", "evidence"))
    other = Scope.ALERTS_WRITE if facts else Scope.FACTS_WRITE
    tokens = "", "wrong", site.token(Scope.READ, other)
    assert [(await site.ask(method, path, each)).status for each in tokens] == [401, 401, 403]
    assert site.journal == []


async def test_a_correction_is_added_and_revoked_with_its_author(site: WritableSite) -> None:
    token = site.token(Scope.FACTS_WRITE, name="audit")
    body = {"start": "2026-09-01T00:00:00Z", "end": "2026-09-01T01:00:00Z", "reason": "probe account locked"}
    made = await site.ask("POST", "/api/v1/products/forms/corrections", token, json=body)
    assert (made.status, made.body["author"], made.body["reason"]) == (201, "audit", "probe account locked")
    (found,) = site.rig.ledger.facts.corrections.of("forms")
    assert (format_instant(found.interval.start), found.author) == (body["start"], "audit")
    path = f"/api/v1/corrections/{made.body['id']}/revoke"
    assert (await site.ask("POST", path, token, json={})).status == 400
    limited = site.token(Scope.FACTS_WRITE, name="limited", products=("sso",))
    assert (await site.ask("POST", path, limited, json={"reason": "x"})).status == 403
    done = await site.ask("POST", path, token, json={"reason": "it was the service"})
    assert (done.status, done.body["revokes"]) == (200, made.body["id"])
    assert site.rig.ledger.facts.corrections.of("forms") == ()
    assert (await site.ask("POST", path, token, json={"reason": "again"})).status == 409
    assert {each.kind for each in site.journal} == {"correction", "revocation"}


@pytest.mark.parametrize(
    "change",
    [
        {"start": "2026-09-01T02:00:00Z"},
        {"start": "2026-09-01T01:00:00Z"},
        {"end": "2999-01-01T00:00:00Z"},
        {"start": "1960-01-01T00:00:00Z"},
        {"start": "2026-09-01T00:00:00"},
        {"start": None},
        {"end": 7},
        {"reason": ""},
    ],
)
async def test_a_correction_that_is_no_past_time_is_refused(site: WritableSite, change: dict[str, Any]) -> None:
    token = site.token(Scope.FACTS_WRITE)
    body = {"start": "2026-09-01T00:00:00Z", "end": "2026-09-01T01:00:00Z", "reason": "x", **change}
    assert (await site.ask("POST", "/api/v1/products/forms/corrections", token, json=body)).status == 400
    good = {**body, "start": "2026-09-01T00:00:00Z", "end": "2026-09-01T01:00:00Z", "reason": "x"}
    assert (await site.ask("POST", "/api/v1/products/nobody/corrections", token, json=good)).status == 404
    assert site.journal == []


async def test_gate_is_overridden_and_the_override_ended_with_author_and_reason(site: WritableSite) -> None:
    token, path = site.token(Scope.GATE_WRITE, name="release"), "/api/v1/products/forms/gate"
    body = {"answer": "hold", "for": "4h", "reason": "holiday freeze"}
    made = await site.ask("POST", f"{path}/override", token, json=body)
    assert (made.status, made.body["author"], made.body["product"]) == (201, "release", "forms")
    assert made.body["until"] == format_instant(site.clock.now() + 4 * HOUR)
    shown = (await site.ask("GET", path)).body
    assert (shown["gate"], shown["override"]) == ("hold", {k: v for k, v in made.body.items() if k != "product"})
    site.clock.jump(1)
    done = await site.ask("POST", f"{path}/override/end", token, json={"reason": "over"})
    assert (done.status, done.body["id"], done.body["until"]) == (
        200,
        made.body["id"],
        format_instant(site.clock.now()),
    )
    assert (await site.ask("GET", path)).body["override"] is None
    assert (await site.ask("POST", f"{path}/override/end", token, json={"reason": "again"})).status == 404
    assert {(each.kind, each.author) for each in site.journal} == {
        ("gate_override", "release"),
        ("gate_override_end", "release"),
    }


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"answer": "perhaps"}, 400),
        ({"answer": None}, 400),
        ({"answer": ["go"]}, 400),
        ({"reason": " "}, 400),
        ({"for": None}, 400),
        ({"until": "2026-12-01T00:00:00Z"}, 400),
        ({"author": "root"}, 400),
    ],
)
async def test_gate_override_that_is_not_clear_is_refused(
    site: WritableSite, change: dict[str, Any], status: int
) -> None:
    token, body = site.token(Scope.GATE_WRITE), {"answer": "go", "for": "4h", "reason": "x", **change}
    answer = await site.ask("POST", "/api/v1/products/forms/gate/override", token, json=body)
    assert (answer.status, set(answer.body)) == (status, {"error", "remedy"})
    assert site.journal == []


async def test_gate_of_another_product_is_not_overridden(site: WritableSite) -> None:
    body = {"answer": "go", "for": "4h", "reason": "x"}
    limited = site.token(Scope.GATE_WRITE, products=("sso",))
    facts = site.token(Scope.FACTS_WRITE, name="facts")
    path = "/api/v1/products/{}/gate/override"
    statuses = [
        (await site.ask("POST", path.format(product), token, json=body)).status
        for product, token in (("forms", limited), ("nothing", limited), ("forms", facts), ("sso", limited))
    ]
    assert statuses == [403, 404, 403, 201]


async def test_a_token_that_only_reads_alerts_changes_nothing(site: WritableSite) -> None:
    token = site.token(Scope.ALERTS_READ)
    assert (await site.ask("GET", "/api/v1/notifications?state=waiting", token)).status == 200
    statuses = {(await site.ask(method, path, token)).status for method, path in WRITES if method != "GET"}
    assert statuses == {403}


async def test_a_limited_token_changes_only_what_concerns_its_products(site: WritableSite) -> None:
    token = site.token(products=("sso",))
    forms, sso = await fails(site), await fails(site, "sso/health")
    everything = {"all": True, "for": "1h", "reason": "x"}
    for body in (everything, everything | {"all": None, "product": "forms"}, everything | {"all": None, "key": forms}):
        sent = {name: value for name, value in body.items() if value is not None}
        assert (await site.ask("POST", "/api/v1/silences", token, json=sent)).status == 403
    refused = [
        ("POST", f"/api/v1/alerts/{forms}/acknowledge"),
        ("POST", "/api/v1/notifications/retry"),
        ("POST", "/api/v1/receivers/ops/test"),
    ]
    assert {(await site.ask(*each, token)).status for each in refused} == {403}
    assert site.journal == []
    assert (await site.ask("POST", f"/api/v1/alerts/{sso}/acknowledge", token)).status == 200
    keyed = {"key": sso, "for": "1h", "reason": "x"}
    assert (await site.ask("POST", "/api/v1/silences", token, json=keyed)).status == 201
    listed = (await site.ask("GET", "/api/v1/notifications?state=waiting", token)).body
    assert {each["product"] for each in listed} == {"sso"}


async def test_a_limited_token_does_not_end_the_silence_of_another_product(site: WritableSite) -> None:
    body = {"product": "forms", "for": "1h", "reason": "x"}
    made = await site.ask("POST", "/api/v1/silences", site.token(name="all"), json=body)
    limited = site.token(name="limited", products=("sso",))
    assert (await site.ask("DELETE", f"/api/v1/silences/{made.body['id']}", limited)).status == 403
    assert len((await site.ask("GET", "/api/v1/silences")).body) == 1


async def test_a_token_cannot_fill_the_record(site: WritableSite) -> None:
    token, other = site.token(), site.token(name="other")
    body = {"all": True, "for": "1h", "reason": "x"}
    statuses = [(await site.ask("POST", "/api/v1/silences", token, json=body)).status for _ in range(12)]
    assert statuses == [201] * 10 + [429] * 2
    assert (await site.ask("POST", "/api/v1/silences", other, json=body)).status == 201


async def test_a_fact_that_cannot_be_written_is_503_and_not_in_force(site: WritableSite) -> None:
    site.record.with_name("ninewatch.db.journal.jsonl").mkdir()
    body = {"all": True, "for": "1h", "reason": "x"}
    answer = await site.ask("POST", "/api/v1/silences", site.token(), json=body)
    assert (answer.status, answer.body["error"]) == (503, "the record cannot be written")
    assert str(site.record.parent) not in answer.text
    assert (await site.ask("GET", "/api/v1/silences")).body == []


async def test_what_waits_is_listed_with_its_last_error_and_retried(tmp_path: Path, sink: Sink) -> None:
    sink.reply = Reply(503, body=b"busy")
    async with writable(ledger(sink), tmp_path, deliver=True) as site:
        key, token = await fails(site), site.token()
        await site.rig.until(lambda: any(row.attempts for row in site.rig.alerting.outbox.waiting()))
        (waiting,) = (await site.ask("GET", "/api/v1/notifications?state=waiting&receiver=ops", token)).body
        assert (waiting["key"], waiting["event"], waiting["error"]) == (key, "opened", 'status 503: "busy"')
        assert (waiting["attempts"], waiting["delivered"]) == (1, None)
        assert (await site.ask("GET", "/api/v1/notifications?state=waiting&product=sso", token)).body == []
        answer = await site.ask("POST", "/api/v1/notifications/retry", token, json={"receiver": "ops"})
        assert (answer.status, answer.body) == (202, {"receiver": "ops", "waiting": 1})
        (fact,) = site.journal
        assert (fact.kind, fact.author, fact.content()) == (RETRY, "pipeline", {"receiver": "ops"})
        sink.reply = Reply()
        await site.rig.update()
        await site.rig.delivered()


@pytest.mark.parametrize("body", [{"receiver": "nobody"}, {"receiver": 7}, {"receiver": ["ops"]}])
async def test_a_retry_for_an_unknown_receiver_is_404(site: WritableSite, body: dict[str, Any]) -> None:
    answer = await site.ask("POST", "/api/v1/notifications/retry", site.token(), json=body)
    assert (answer.status, answer.body["remedy"]) == (404, "there are ops")


@pytest.mark.parametrize("query", ["state=late", "limit=0", "limit=x", "limit=\u0661", "sort=due"])
async def test_a_choice_of_notifications_that_means_nothing_is_refused(site: WritableSite, query: str) -> None:
    assert (await site.ask("GET", f"/api/v1/notifications?{query}", site.token())).status == 400


async def test_a_test_message_is_sent_at_once(site: WritableSite, sink: Sink) -> None:
    answer = await site.ask("POST", "/api/v1/receivers/ops/test", site.token())
    assert (answer.status, answer.body) == (200, {"receiver": "ops", "delivered": True})
    (body,) = sink.bodies()
    assert (body["event"], body["severity"], body["links"]["acknowledge"]) == ("test", "note", None)
    assert site.journal == []


@pytest.mark.parametrize(("reply", "says"), [(Reply(403, body=b"wrong"), 'status 403: "wrong"'), (Reply(500), "500")])
async def test_a_test_message_that_is_not_confirmed_is_502(
    site: WritableSite, sink: Sink, reply: Reply, says: str
) -> None:
    sink.reply = reply
    answer = await site.ask("POST", "/api/v1/receivers/ops/test", site.token())
    assert answer.status == 502
    assert says in answer.body["error"]
    assert (await site.ask("POST", "/api/v1/receivers/none/test", site.token(name="b"))).status == 404


async def test_a_page_from_elsewhere_cannot_write_through_its_readers_browser(site: WritableSite) -> None:
    """A browser sends no `Authorization` by itself, and no answer permits another origin to."""
    body = '{"all": true, "for": "1h", "reason": "x"}'
    headers = {"Origin": "https://evil.example", "Content-Type": "text/plain", "Cookie": "a=b"}
    answer = await site.ask("POST", "/api/v1/silences", headers=headers, data=body)
    assert (answer.status, [each for each in answer.headers if each.lower().startswith("access-control")]) == (401, [])
    preflight = await site.ask("OPTIONS", "/api/v1/silences", headers=headers)
    assert (preflight.status, preflight.headers["Allow"]) == (405, "GET,HEAD,POST".replace(",", ", "))
    rebound = await site.ask("POST", "/api/v1/silences", site.token(), headers={"Host": "evil.example"}, data=body)
    assert rebound.status == 421


async def test_without_a_daemon_nothing_can_be_written(tmp_path: Path, publish: Any, sink: Sink) -> None:
    from monitor.access.tokens import TokenFile, new_token

    served = await publish(ledger(sink), record=tmp_path / "r.db")
    token, text = new_token("ci", "Ada", [Scope.ALERTS_WRITE], served.clock.now())
    TokenFile.of(tmp_path / "r.db").add(token)
    answer = await served.get("/api/v1/silences", "POST", headers={"Authorization": f"Bearer {text}"}, json={})
    assert (answer.status, (await answer.json())["error"]) == (503, "this server accepts no changes")


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda each: f"{each.method} {each.path}")
def test_every_example_is_what_its_schema_promises(operation: Any) -> None:
    components = {"components": {"schemas": SCHEMAS | ALERT_SCHEMAS}}
    jsonschema.validate(operation.example, operation.response | components)
    if operation.request is not None:
        jsonschema.validate(operation.request_example, operation.request | components)


async def test_every_answer_is_what_the_description_promises(site: WritableSite) -> None:
    key, token = await fails(site), site.token(Scope.ALERTS_WRITE, Scope.FACTS_WRITE, Scope.GATE_WRITE)
    past = {"start": "2026-09-01T00:00:00Z", "end": "2026-09-01T01:00:00Z"}
    correction = (
        await site.ask("POST", "/api/v1/products/forms/corrections", token, json={**past, "reason": "x"})
    ).body
    silence = (await site.ask("POST", "/api/v1/silences", token, json={"all": True, "for": "1h", "reason": "x"})).body
    deployed = await site.ask("POST", "/api/v1/products/forms/deployments", token, json={"version": "1"})
    query = {"/api/v1/notifications": "?state=waiting"}
    for each in OPERATIONS:
        site.clock.jump(2)  # a token may make one change per second
        names = {"receivers": "ops", "silences": silence["id"], "products": "forms", "corrections": correction["id"]}
        names["evidence"] = deployed.body["id"]
        path = each.path.format(key=key, id=names[each.path.split("/")[3]] if "{id}" in each.path else "")
        body = each.request_example if each.request is not None else None
        body = {**body, **past} if body is not None and "start" in body else body
        options = {} if body is None else {"json": body}
        answer = await site.ask(each.method.upper(), path + query.get(each.path, ""), token, **options)
        assert answer.status == each.status, each.path
        described = description()["paths"][each.path][each.method]["responses"][str(each.status)]
        schema = described["content"]["application/json"]["schema"]
        jsonschema.validate(answer.body, schema | {"components": {"schemas": SCHEMAS | ALERT_SCHEMAS}})
