"""Journeys: steps in order, captured values, secrets, retries, and the outcome of the run."""

from __future__ import annotations

import re
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import trustme

from monitor.config.loader import examine
from monitor.probe_result import JourneyResult
from monitor.probes.registry import CHECK_TYPES, check_types
from sla.observation import Outcome
from tests.support.certificates import server_context, write_ca_bundle
from tests.support.probing import attempt
from tests.support.record_service import RecordService
from tests.support.scripted_http import Received, as_json, scripted_http
from tests.support.servers import http_response, send_nothing, serve_tcp

if TYPE_CHECKING:
    from collections.abc import Iterator

SECRET = "canary-of-the-journey"


@pytest.fixture
def service() -> Iterator[RecordService]:
    with (service := RecordService()).serving():
        yield service


@pytest.fixture(autouse=True)
def secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JOURNEY_SECRET", SECRET)


def records(url: str, **changed: dict[str, Any]) -> dict[str, Any]:
    """Return a journey that creates, reads and removes a record. `changed`: further keys by the id of the step."""
    steps: list[dict[str, Any]] = [
        {
            "id": "submit",
            "method": "POST",
            "http": f"{url}/records",
            "json_body": {"note": ["{{run_id}}", 7]},
            "expect": {"status": 201},
            "capture": {"id": "$.id", "note": "$.note[0]"},
        },
        {"id": "read", "http": f"{url}/records/{{{{id}}}}", "expect": {"json": {"$.note[0]": "{{run_id}}"}}},
        {"id": "clean-up", "always": True, "counts": False, "method": "DELETE", "http": f"{url}/records/{{{{id}}}}"},
    ]
    return {"steps": [{**step, **changed.get(step["id"].replace("-", "_"), {})} for step in steps]}


async def run(content: dict[str, Any], seconds: float = 60.0) -> JourneyResult:
    """Return the result of one run."""
    result = (await attempt({"interval": "1h", **content}, seconds)).result
    assert isinstance(result, JourneyResult)
    return result


def outcomes(result: JourneyResult) -> dict[str, str]:
    """Return the outcome of each step, `skipped` without one, and its reason."""
    return {
        step.id: " ".join(filter(None, ("skipped" if step.outcome is None else str(step.outcome), step.reason)))
        for step in result.steps
    }


async def test_values_are_carried_from_step_to_step(service: RecordService) -> None:
    result = await run(records(service.url))
    assert (result.outcome, result.reason, result.status) == (Outcome.GOOD, "", 200)
    assert outcomes(result) == {"submit": "good", "read": "good", "clean-up": "good"}
    assert (service.created, service.records) == (1, {})


async def test_each_step_has_its_phases_and_its_place_in_the_waterfall(service: RecordService) -> None:
    result = await run(records(service.url))
    first, second, third = result.steps
    assert 0 <= first.at < first.at + first.duration <= second.at < second.at + second.duration <= third.at
    assert all({"connect", "first_byte"} <= set(step.phases) for step in result.steps)
    for phase in ("connect", "first_byte"):
        assert result.phases[phase] == pytest.approx(sum(step.phases[phase] for step in result.steps))


async def test_the_reason_names_the_step_and_clean_up_runs_after_a_failure(service: RecordService) -> None:
    result = await run(records(service.url, read={"expect": {"status": 404}}))
    assert (result.outcome, result.reason, result.status) == (Outcome.BAD, "read: http_status", 200)
    assert "expected 404" in result.detail
    assert outcomes(result) == {"submit": "good", "read": "bad http_status", "clean-up": "good"}
    assert service.records == {}


async def test_steps_after_a_bad_one_are_skipped(service: RecordService) -> None:
    result = await run(records(service.url, submit={"expect": {"status": 500}}))
    assert result.reason == "submit: http_status"
    assert outcomes(result) == {"submit": "bad http_status", "read": "skipped", "clean-up": "skipped"}


async def test_a_step_that_could_not_run_is_unknown(service: RecordService) -> None:
    """The service refused our credential, so nothing is known about reading."""
    result = await run(records(service.url, submit={"expect": {}, "unknown": {"status": 201}}))
    assert (result.outcome, result.reason) == (Outcome.UNKNOWN, "submit: inconclusive")
    assert outcomes(result)["read"] == "unknown not_run"
    assert result.steps[1].detail == "{{id}} is not known (submit: inconclusive)"


async def test_a_failure_that_does_not_count_makes_its_successors_unknown(service: RecordService) -> None:
    result = await run(records(service.url, submit={"counts": False, "expect": {"status": 500}}))
    assert (result.outcome, result.reason) == (Outcome.UNKNOWN, "read: not_run")


async def test_a_failed_clean_up_does_not_count(service: RecordService) -> None:
    content = records(service.url, clean_up={"http": f"{service.url}/records/none-{{{{id}}}}"})
    result = await run(content)
    assert (result.outcome, outcomes(result)["clean-up"]) == (Outcome.GOOD, "bad http_status")
    content = records(service.url, clean_up={"http": f"{service.url}/records/none-{{{{id}}}}", "counts": True})
    assert (await run(content)).reason == "clean-up: http_status"


async def test_the_clean_up_has_time_after_a_step_that_hangs() -> None:
    async with serve_tcp(send_nothing) as silent:
        with (service := RecordService()).serving():
            content = records(service.url, read={"http": f"http://127.0.0.1:{silent}/{{{{id}}}}"})
            result = await run(content, seconds=3)
    assert (result.outcome, result.reason) == (Outcome.BAD, "read: deadline")
    assert (service.created, service.records) == (1, {})


async def test_a_closed_port_is_the_reason_of_its_step(service: RecordService) -> None:
    async with serve_tcp(send_nothing) as port:
        pass
    result = await run(records(service.url, read={"http": f"http://127.0.0.1:{port}/{{{{id}}}}"}))
    assert (result.outcome, result.reason) == (Outcome.BAD, "read: connect_refused")


# Captured values


async def test_values_are_captured_from_every_source(tmp_path: Path) -> None:
    authority = trustme.CA()
    page = http_response(
        b'<input name="csrf" value="a b/c">', Location="/items/42?x=1", Set_Cookie="SESSION=deadbeef; Path=/"
    )
    context = server_context(authority.issue_cert("127.0.0.1", common_name="journey.example"))
    routes: dict[str, Any] = {"GET /": page, "POST /items/42": as_json({})}
    async with scripted_http(routes, context) as server:
        tls = {"ca": write_ca_bundle(authority, tmp_path)}
        capture = {
            "csrf": {"regex": 'value="([^"]+)"'},
            "item": {"header": "Location", "regex": "/items/([0-9]+)"},
            "session": {"cookie": "SESSION"},
            "subject": {"certificate": "subject"},
            "serial": {"certificate": "serial"},
            "expiry": {"certificate": "not_after"},
            "print": {"certificate": "sha256"},
        }
        form = {name: f"{{{{{name}}}}}" for name in ("csrf", "subject", "serial", "expiry", "print")}
        second = {"method": "POST", "http": f"{server.url}/items/{{{{item}}}}?q={{{{csrf}}}}", "form": form}
        steps = [
            {"id": "page", "http": f"{server.url}/", "capture": capture, "tls": tls},
            {"id": "send", **second, "cookies": {"SESSION": "{{session}}"}, "tls": tls},
        ]
        result = await run({"steps": steps})
    assert result.outcome is Outcome.GOOD, result.detail
    sent = server.requests[1]
    assert sent.path == "/items/42?q=a%20b%2Fc"
    assert sent.headers["cookie"] == "SESSION=deadbeef"
    assert sent.headers["content-type"] == "application/x-www-form-urlencoded"
    assert sent.body.startswith("csrf=a+b%2Fc&subject=journey.example&serial=")
    assert re.search(r"expiry=\d{4}-\d\d-\d\dT.*&print=[0-9a-f]{64}$", sent.body)
    assert result.certificate_expiry is not None


async def test_a_missing_value_is_a_failure_of_its_step(service: RecordService) -> None:
    result = await run(records(service.url, submit={"capture": {"id": "$.none"}}))
    assert (result.outcome, result.reason, result.detail) == (
        Outcome.BAD,
        "submit: capture_missing",
        "the response has no value for id",
    )


async def test_a_url_from_a_response_is_used_as_it_is(service: RecordService) -> None:
    discovery = as_json({"next": f"{service.url}/records?a=b"})
    async with scripted_http({"GET /discovery": discovery}) as server:
        steps = [
            {"id": "discovery", "http": f"{server.url}/discovery", "capture": {"next": "$.next"}},
            {"id": "list", "http": "{{next}}"},
        ]
        assert (await run({"steps": steps})).outcome is Outcome.GOOD


@pytest.mark.parametrize("target", ["javascript:alert(1)", "http://user:pass@127.0.0.1/", ""])
async def test_an_unusable_captured_value_is_a_failure(target: str) -> None:
    async with scripted_http({"GET /": as_json({"next": target})}) as server:
        steps = [
            {"id": "discovery", "http": f"{server.url}/", "capture": {"next": "$.next"}},
            {"id": "list", "http": "{{next}}"},
        ]
        result = await run({"steps": steps})
    assert (result.outcome, result.reason) == (Outcome.BAD, "list: value_unusable")


async def test_a_value_that_makes_a_json_path_invalid_is_a_failure() -> None:
    async with scripted_http({"GET /": as_json({"name": "a b[", "list": []})}) as server:
        steps = [
            {"id": "first", "http": f"{server.url}/", "capture": {"name": "$.name"}},
            {"id": "second", "http": f"{server.url}/", "capture": {"found": "$.{{name}}"}},
        ]
        result = await run({"steps": steps})
    assert (result.outcome, result.reason) == (Outcome.BAD, "second: value_unusable")


async def test_a_line_break_in_a_value_cannot_add_a_header() -> None:
    async with scripted_http({"GET /": as_json({"note": "a\r\nX-Evil: 1"})}) as server:
        steps = [
            {"id": "first", "http": f"{server.url}/", "capture": {"note": "$.note"}},
            {"id": "second", "http": f"{server.url}/", "headers": {"X-Note": "{{note}}"}},
        ]
        result = await run({"steps": steps})
    assert (result.reason, len(server.requests)) == ("second: value_unusable", 1)


# Secrets


def token_journey(token_url: str, api_url: str, **keys: Any) -> dict[str, Any]:
    """Return a journey that gets a token with a secret, and sends the token."""
    form = {"client_id": "robot", "client_secret": "{{password}}"}
    capture = {"access": "$.access_token"}
    return {
        "secrets": {"password": {"env": "JOURNEY_SECRET"}},
        "steps": [
            {"id": "token", "method": "POST", "http": token_url, "form": form, "capture": capture},
            {"id": "api", "http": api_url, "bearer": "{{access}}", "expect": {"status": 204}},
        ],
        **keys,
    }


async def test_secrets_are_sent_and_shown_nowhere() -> None:
    token = "canary-of-a-token"

    def repeats(request: Received) -> bytes:
        return http_response(b"", f"302 {request.headers['authorization']}", Location=f"/?{token}&{SECRET}")

    async with scripted_http({"POST /token": as_json({"access_token": token}), "GET /api": repeats}) as server:
        result = await run(token_journey(f"{server.url}/token", f"{server.url}/api"))
    assert f"client_secret={SECRET}" in server.requests[0].body
    assert server.requests[1].headers["authorization"] == f"Bearer {token}"
    assert result.reason == "api: http_status"
    assert "302 to" in result.detail
    assert not {word for word in (token, SECRET) if word in repr(result)}


async def test_a_token_is_withheld_from_an_origin_that_a_response_names() -> None:
    """Whatever the discovery document says, the secret leaves to the origins in `secrets_to` only."""
    async with scripted_http({"POST /token": as_json({"access_token": "x"})}) as thief, scripted_http({}) as server:
        server.routes["GET /discovery"] = as_json({"token_endpoint": f"{thief.url}/token"})
        content = token_journey("{{endpoint}}", f"{server.url}/api", secrets_to=[server.url])
        discovery = {"id": "discovery", "http": f"{server.url}/discovery", "capture": {"endpoint": "$.token_endpoint"}}
        content["steps"].insert(0, discovery)
        result = await run(content)
        assert (result.outcome, result.reason) == (Outcome.BAD, "token: secret_withheld")
        assert f"{thief.url} is not in secrets_to" in result.detail
        assert thief.requests == []
        content["secrets_to"] = [server.url, thief.url]
        assert (await run(content)).reason == "api: http_status"
        assert thief.seen == ["POST /token"]


@pytest.mark.parametrize("status", ["302 Found", "307 Temporary Redirect"])
async def test_a_redirect_carries_no_secret_elsewhere(status: str) -> None:
    async with (
        scripted_http({"POST /token": as_json({}), "GET /token": as_json({})}) as thief,
        scripted_http({}) as server,
    ):
        moved = http_response(b"", status, Location=f"{thief.url}/token")
        server.routes |= {"POST /token": moved, "GET /api": moved}
        steps = [
            {
                "id": "token",
                "method": "POST",
                "http": f"{server.url}/token",
                "json_body": {"k": "{{password}}"},
                "redirects": 1,
            },
            {"id": "api", "http": f"{server.url}/api", "headers": {"X-Signed": "by {{password}}"}, "redirects": 1},
        ]
        steps[0]["counts"] = False
        await run({"secrets": {"password": {"env": "JOURNEY_SECRET"}}, "steps": steps})
    assert SECRET not in repr(thief.requests)
    assert SECRET in repr(server.requests)


async def test_a_traceparent_links_a_failure_to_its_trace() -> None:
    async with scripted_http({"GET /a": as_json({})}) as server:
        steps = [{"id": "a", "http": f"{server.url}/a"}, {"id": "b", "http": f"{server.url}/b"}]
        result = await run({"steps": steps, "traceparent": True})
        await run({"steps": steps})
    trace = result.detail.rpartition("trace ")[2]
    spans = [request.headers.get("traceparent", "").split("-") for request in server.requests]
    assert re.fullmatch("[0-9a-f]{32}", trace)
    assert [span[:2] for span in spans[:2]] == [["00", trace], ["00", trace]]
    assert spans[0][2] != spans[1][2]
    assert spans[2:] == [[""], [""]]


# Retries, and other kinds


def after(count: int, early: bytes, late: bytes) -> Any:
    """Return a response function: `early` for the first requests, then `late`."""
    answers = [early] * count
    return lambda _: answers.pop() if answers else late


RETRY = {"every": "100ms", "for": "3s"}


async def test_a_step_is_repeated_until_it_is_good() -> None:
    created, delivered = as_json({"status": "created"}), as_json({"status": "delivered"})
    async with scripted_http({"GET /": after(2, created, delivered)}) as server:
        step = {"id": "poll", "http": f"{server.url}/", "expect": {"json": {"$.status": "delivered"}}, "retry": RETRY}
        result = await run({"steps": [step]})
    assert (result.outcome, len(server.requests)) == (Outcome.GOOD, 3)
    assert result.steps[0].duration >= 0.2
    assert result.phases["connect"] > 0


async def test_a_step_is_repeated_only_while_the_condition_holds() -> None:
    created, failed = as_json({"status": "created"}), as_json({"status": "permanent-failure"})
    async with scripted_http({"GET /": after(1, created, failed)}) as server:
        retry = {**RETRY, "while": {"json": {"$.status": {"in": ["created", "sending"]}}}}
        step = {"id": "poll", "http": f"{server.url}/", "expect": {"json": {"$.status": "delivered"}}, "retry": retry}
        result = await run({"steps": [step]})
    assert (result.reason, len(server.requests)) == ("poll: body_mismatch", 2)
    assert "permanent-failure" in result.detail


async def test_a_retry_ends_when_its_time_is_over() -> None:
    async with scripted_http({}) as server:
        step = {"id": "poll", "http": f"{server.url}/", "retry": {"every": "100ms", "for": "250ms"}}
        result = await run({"steps": [step]})
    count = len(server.requests)
    assert result.reason == "poll: http_status"
    assert 1 <= count <= 3  # fewer on a busy machine
    assert (f"; {count} attempts in" in result.detail) is (count > 1)


async def test_another_kind_is_a_step() -> None:
    async with scripted_http({"GET /": as_json({"port": 1})}) as server:
        server.routes["GET /"] = as_json({"port": server.port})
        steps = [
            {"id": "where", "http": f"{server.url}/", "capture": {"port": "$.port"}},
            {"id": "fixed", "tcp": f"127.0.0.1:{server.port}"},
            {"id": "filled", "tcp": "127.0.0.1:{{port}}"},
        ]
        result = await run({"steps": steps})
        assert outcomes(result) == {"where": "good", "fixed": "good", "filled": "good"}
        server.routes["GET /"] = as_json({"port": "none"})
        assert (await run({"steps": steps})).reason == "filled: value_unusable"
    async with serve_tcp(send_nothing) as port:
        pass
    result = await run({"steps": [{"id": "fixed", "tcp": f"127.0.0.1:{port}"}]})
    assert (result.outcome, result.reason) == (Outcome.BAD, "fixed: connect_refused")


# Configuration

TEXT = (Path(__file__).parents[3] / "docs/journeys.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("block", re.findall(r"```yaml\n(- id: .*?)```", TEXT, flags=re.DOTALL))
def test_the_examples_of_the_documentation_are_valid(
    block: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("FORM_KEY", "USER_PASSWORD", "CLIENT_SECRET"):
        monkeypatch.setenv(name, SECRET)
    monkeypatch.setenv("OTP_KEY", "JBSWY3DPEHPK3PXP")
    (tmp_path / "c.yaml").write_text(
        f"products:\n  - id: p\n    objective: 99%\n    checks:\n{textwrap.indent(block, ' ' * 6)}"
    )
    assert examine(tmp_path / "c.yaml", CHECK_TYPES).problems == ()


def problems(folder: Path, keys: str, *, allow_exec: bool = True) -> list[str]:
    """Return the errors of a check with these lines, without the path of the file."""
    check = textwrap.indent(textwrap.dedent(keys), " " * 8)
    text = f"products:\n  - id: p\n    objective: 99%\n    checks:\n      - id: j\n{check}"
    (folder / "c.yaml").write_text(text)
    kinds = CHECK_TYPES if allow_exec else check_types(allow_exec=False)
    return [str(problem).removeprefix(f"{folder}/") for problem in examine(folder / "c.yaml", kinds).problems]


URL = "https://api.example.org"
WRONG = {
    "undefined name": ('- {id: a, http: "URL/{{nothing}}"}', "a.http: {{nothing}} is unknown here; capture it"),
    "name of a later step": (
        '- {id: a, http: "URL/{{b}}"}\n- {id: b, http: URL, capture: {b: "$.b"}}',
        "a.http: {{b}} is unknown here",
    ),
    "same id": ("- {id: a, http: URL}\n- {id: a, http: URL}", 'a.id: two steps have the id "a"'),
    "no kind": ("- {id: a, htp: URL}", "a.id: the step has no key of a kind; write one of http, tcp"),
    "two kinds": ('- {id: a, http: URL, tcp: "b:1"}', "a.tcp: the step has keys of several kinds, http and tcp"),
    "unknown key": ("- {id: a, http: URL, metod: GET}", "a.metod: unknown key of a step; allowed: always, basic"),
    "schedule": ("- {id: a, http: URL, interval: 1m}", "a.interval: belongs to the check"),
    "value of the kind": (
        "- {id: a, http: URL, expect: {status: [200, 99]}}",
        "a.expect.status[1]: 99 is not a status",
    ),
    "not a URL": ('- {id: a, http: "ftp://{{run_id}}/"}', "a.http: not an http or https URL"),
    "body of GET": ("- {id: a, http: URL, json_body: {}}", "a.body: a GET request has no body; add method: POST"),
    "two bodies": ("- {id: a, http: URL, method: POST, form: {}, body: b}", "a.form: excludes body; keep one"),
    "two bearers": (
        '- {id: a, http: URL, bearer: "{{run_id}}", basic: {user: a, password: {env: JOURNEY_SECRET}}}',
        "a.bearer: excludes basic; keep one",
    ),
    "two unknowns": (
        "- {id: a, http: URL, unknown: {status: 401}, expect: {unknown: {status: 429}}}",
        "a.unknown: excludes unknown",
    ),
    "degraded": (
        "- {id: a, http: URL, expect: {degraded: {status: 200}}}",
        "a.expect: degraded has no effect in a step",
    ),
    "repeated write": (
        "- {id: a, http: URL, method: POST, retry: {for: 5s}}",
        "a.retry: a POST that is repeated may write twice; repeat a step that reads",
    ),
    "capture of tcp": ('- {id: a, tcp: "b:1", capture: {x: "$.x"}}', "a.capture: capture is for http steps only"),
    "while of tcp": (
        '- {id: a, tcp: "b:1", retry: {for: 1s, while: {status: 404}}}',
        "a.retry: while is for http steps only",
    ),
    "two sources": ("- {id: a, http: URL, capture: {x: {header: A, cookie: B}}}", "x.cookie: a value has one source"),
    "no source": ("- {id: a, http: URL, capture: {x: {secret: true}}}", "x: has no source; write json, header"),
    "name": ("- {id: a, http: URL, capture: {X-y: $.a}}", '"X-y" is not a name'),
    "run_id": ("- {id: a, http: URL, capture: {run_id: $.a}}", "is the id of the run; write another name"),
    "path": ("- {id: a, http: URL, capture: {x: $$}}", "not a JSON path"),
    "taken name": ("- {id: a, http: URL, capture: {key: $.a}}", "a.capture: key is also a name in secrets"),
    "secret in a URL": ('- {id: a, http: "URL/{{key}}"}', "a.http: {{key}} is a secret, which is allowed in headers"),
    "secret elsewhere": (
        '- {id: a, http: URL, capture: {u: "$.u"}}\n- {id: b, http: "{{u}}", headers: {X-Key: "{{key}}"}}',
        "b.http: the step sends a secret to an address from a response; add secrets_to",
    ),
    "secret to a placeholder": (
        '- {id: a, http: URL, capture: {h: "$.h"}}\n- {id: b, redis: "{{h}}:1", password: {env: JOURNEY_SECRET}}',
        "b.redis: the step sends a secret, so its address must not have a placeholder",
    ),
    "find of a step that always runs": (
        '- {id: a, http: URL, find: {http: URL, capture: {id: "$.id"}}}',
        "a.find: must be an http request, in a step with always: true",
    ),
    "find of another value": (
        '- {id: a, http: URL, capture: {id: "$.id"}}\n'
        '- {id: b, always: true, http: "URL/{{id}}", find: {http: URL, capture: {x: "$.id"}}}',
        "b.find: finds x, which the step does not use; find a value that it uses",
    ),
    "name in find": (
        '- {id: a, http: URL, capture: {id: "$.id"}}\n'
        '- {id: b, always: true, http: "URL/{{id}}", find: {http: "URL/{{q}}", capture: {id: "$.id"}}}',
        "b.find: {{q}} is unknown here; use run_id",
    ),
    "token endpoint": (
        '- {id: a, http: URL, oauth2: {token_url: "URL/{{run_id}}", client_id: c, client_secret: {env: OTHER}}}',
        "a.oauth2: has a placeholder",
    ),
}


@pytest.mark.parametrize("case", list(WRONG))
def test_errors_have_their_place_and_a_remedy(case: str, tmp_path: Path) -> None:
    steps, expected = WRONG[case]
    keys = "secrets: {key: {env: JOURNEY_SECRET}}\nsteps:\n" + textwrap.indent(steps.replace("URL", URL), "  ")
    messages = problems(tmp_path, keys)
    assert len(messages) == 1, messages
    assert expected in messages[0]
    assert re.match(r"c\.yaml:[789]:\d+: products\.p\.checks\.j\.steps", messages[0]), messages


def test_a_secret_to_another_origin_is_rejected(tmp_path: Path) -> None:
    steps = '\n  - {id: a, http: "https://other.example.org/", headers: {X-Key: "{{key}}"}}\n'
    keys = f"secrets: {{key: {{env: JOURNEY_SECRET}}}}\nsecrets_to: [{URL}]\nsteps:{steps}"
    assert "sends a secret to an origin that is not in secrets_to; add it there" in problems(tmp_path, keys)[0]
    assert problems(tmp_path, keys.replace(f"[{URL}]", f"[{URL}, https://other.example.org/]")) == []
    assert "an origin has no path" in problems(tmp_path, keys.replace(f"[{URL}]", f"[{URL}/path]"))[0]


def test_programs_as_steps_need_the_permission(tmp_path: Path) -> None:
    keys = "steps:\n  - {id: a, exec: [/bin/true]}\n"
    assert problems(tmp_path, keys) == []
    (problem,) = problems(tmp_path, keys, allow_exec=False)
    assert "steps.a.exec: programs are not allowed; start the daemon with --allow-exec" in problem
