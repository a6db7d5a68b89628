"""The checks in comments of the shipped portfolio, against local services with the recorded shapes."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable
from email.utils import formatdate
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from monitor.config.loader import examine
from monitor.probe_result import JourneyResult
from monitor.probes.registry import CHECK_TYPES
from sla.observation import Outcome
from tests.monitor.protocols.test_jwt import CLAIMS, KEYS, signed
from tests.support.chefs import FORM, KEY, ChefsService
from tests.support.probing import attempt
from tests.support.processes import needs
from tests.support.scripted_http import Received, as_json, scripted_http
from tests.support.servers import http_response

if TYPE_CHECKING:
    from collections.abc import Iterator

PRODUCTS = Path(__file__).parents[2] / "config/products"
SSO, CHEFS, NOTIFY = (
    "https://loginproxy.gov.bc.ca",
    "https://submit.digital.gov.bc.ca",
    "https://api.notification.canada.ca",
)
NOTIFY_KEY = "gcntfy-ninewatch-canary"


def journey(file: str, changed: Callable[[str], str], name: str) -> dict[str, Any]:
    """Return a check or a product in the comments of a product file, with its text changed."""
    lines = (PRODUCTS / file).read_text(encoding="utf-8").splitlines()
    start = next(number for number, line in enumerate(lines) if re.fullmatch(rf" *# {{1,3}}- id: {name}", line))
    indent = lines[start].index("-")
    deeper = f"{lines[start][:indent]}  "
    end = next((n for n in range(start + 1, len(lines)) if not lines[n].startswith(deeper)), len(lines))
    (entry,) = yaml.safe_load(changed("\n".join(line[indent:] for line in lines[start:end])))
    assert isinstance(entry, dict)
    return entry


def commented_entries() -> list[tuple[str, str]]:
    """Return file and id of each check and each product in comments."""
    return [
        (path.name, match[1])
        for path in sorted(PRODUCTS.glob("*.yaml"))
        for match in re.finditer(r"^ *# {1,3}- id: (\S+)$", path.read_text(encoding="utf-8"), re.M)
    ]


@pytest.mark.parametrize(("file", "name"), commented_entries())
def test_each_check_in_comments_is_valid(file: str, name: str, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("a-canary-of-a-secret")

    def local(text: str) -> str:
        text = re.sub(r"/run/secrets/[\w-]+", str(tmp_path / "secret"), text).replace("<address>", "example.org")
        return text.replace("../journeys", str(PRODUCTS.parent / "journeys")).replace("../../var", str(tmp_path))

    entry = journey(file, local, name)
    product = entry if "checks" in entry else {"id": "p", "objective": "99%", "checks": [entry]}
    (tmp_path / "c.yaml").write_text(yaml.safe_dump({"products": [product]}))
    assert examine(tmp_path / "c.yaml", CHECK_TYPES).problems == ()


def test_the_portfolio_has_the_journeys_and_checks_that_need_a_credential() -> None:
    expected = {
        ("chefs.yaml", "ches"),
        ("chefs.yaml", "cdogs"),
        ("chefs.yaml", "submit-a-form"),
        ("drop.yaml", "daily-files"),
        ("drop.yaml", "daily-report"),
        ("keycloak.yaml", "sign-in"),
        ("keycloak.yaml", "log-in-with-idir"),
        ("notify.yaml", "send-an-email"),
    }
    assert expected <= set(commented_entries())


async def run(check: dict[str, Any]) -> JourneyResult:
    result = (await attempt(check)).result
    assert isinstance(result, JourneyResult)
    return result


@pytest.fixture(autouse=True)
def secrets(tmp_path: Path) -> None:
    for name, value in (("sso-client-secret", "canary-sso"), ("chefs-form-key", KEY), ("notify-test-key", NOTIFY_KEY)):
        (tmp_path / name).write_text(value)


@pytest.fixture
def chefs() -> Iterator[ChefsService]:
    with (service := ChefsService()).serving():
        yield service


async def test_a_form_of_chefs_is_submitted_read_and_deleted(chefs: ChefsService, tmp_path: Path) -> None:
    def local(text: str) -> str:
        form = "6f0f2a9e-0000-4000-8000-000000000000"
        return text.replace(CHEFS, chefs.url).replace(form, FORM).replace("/run/secrets", str(tmp_path))

    check = journey("chefs.yaml", local, "submit-a-form")
    result = await run(check)
    assert (result.outcome, result.detail) == (Outcome.GOOD, "")
    assert [step.outcome for step in result.steps] == [Outcome.GOOD] * 4
    assert (chefs.created, chefs.visible) == (1, [])
    chefs.status = 503
    assert (await run(check)).reason == "version: http_status"
    chefs.status = 429
    result = await run(check)
    assert (result.outcome, result.reason) == (Outcome.UNKNOWN, "version: inconclusive")


async def test_a_message_of_notify_is_polled_until_it_is_delivered(tmp_path: Path) -> None:
    statuses = ["created", "sending", "delivered"]

    def send(request: Received) -> bytes:
        if request.headers["authorization"] != f"ApiKey-v1 {NOTIFY_KEY}":
            error = {"error": "AuthError", "message": "Invalid token"}
            return as_json({"status_code": 403, "errors": [error]}, "403 Forbidden")
        content = {"id": "n-1", "reference": request.json["reference"], "scheduled_for": None}
        return as_json(content, "201 Created")

    def status(_: Received) -> bytes:
        return as_json({"id": "n-1", "status": statuses.pop(0) if len(statuses) > 1 else statuses[0]})

    routes: dict[str, Any] = {"POST /v2/notifications/email": send, "GET /v2/notifications/n-1": status}
    async with scripted_http(routes) as server:

        def local(text: str) -> str:
            faster = text.replace("every: 1s", "every: 100ms")
            return faster.replace(NOTIFY, server.url).replace("/run/secrets", str(tmp_path))

        check = journey("notify.yaml", local, "send-an-email")
        result = await run(check)
        assert (result.outcome, result.detail, len(server.requests)) == (Outcome.GOOD, "", 4)
        statuses[:] = ["permanent-failure"]
        result = await run(check)
        assert (result.outcome, result.reason) == (Outcome.BAD, "delivered: body_mismatch")
        (tmp_path / "notify-test-key").write_text("gcntfy-of-another-service")
        result = await run(check)
        assert (result.outcome, result.reason) == (Outcome.UNKNOWN, "send: inconclusive")


async def test_the_sign_in_sees_the_faults_that_discovery_does_not(tmp_path: Path) -> None:
    """The answers of a real Keycloak during these faults: a disabled realm, a lost database, another issuer."""
    async with scripted_http({}) as server:
        realm, oidc = "/auth/realms/standard", "/auth/realms/standard/protocol/openid-connect"
        issuer = server.url + realm
        discovery = {
            "issuer": issuer,
            "token_endpoint": f"{server.url}{oidc}/token",
            "jwks_uri": f"{server.url}{oidc}/certs",
        }

        def token(**claims: Any) -> bytes:
            valid = {**CLAIMS, "iss": issuer, "exp": time.time() + 300, "nbf": 0}
            return as_json({"access_token": signed({**valid, **claims}), "expires_in": 300, "token_type": "Bearer"})

        server.routes |= {
            f"GET {realm}/.well-known/openid-configuration": as_json(discovery),
            f"POST {oidc}/token": token(),
            f"GET {oidc}/certs": as_json({"keys": KEYS}),
        }
        check = journey(
            "keycloak.yaml",
            lambda text: text.replace(SSO, server.url).replace("/run/secrets", str(tmp_path)),
            "sign-in",
        )
        result = await run(check)
        assert (result.outcome, result.detail) == (Outcome.GOOD, "")
        assert "client_secret=canary-sso" in server.requests[1].body
        refused = as_json({"error": "invalid_client"}, "401 Unauthorized")
        answers = {
            "token: http_status": as_json({"error": "access_denied"}, "403 Forbidden"),
            "signature: jwt_issuer": token(iss="http://login.wrong.example/auth/realms/standard"),
            "signature: jwt_expired": token(exp=time.time() - 60),
        }
        for reason, answer in answers.items():
            server.routes[f"POST {oidc}/token"] = answer
            result = await run(check)
            assert (result.outcome, result.reason) == (Outcome.BAD, reason)
        server.routes[f"POST {oidc}/token"] = as_json({"error": "unknown_error"}, "500 Internal Server Error")
        assert (await run(check)).reason == "token: http_status"
        server.routes[f"POST {oidc}/token"] = refused
        result = await run(check)
        assert (result.outcome, result.reason) == (Outcome.UNKNOWN, "token: inconclusive")
        assert "canary-sso" not in json.dumps([step.detail for step in result.steps])


async def test_ches_and_cdogs_need_a_token_and_the_expected_body(tmp_path: Path) -> None:
    (tmp_path / "ches-client").write_text("canary-ches")
    (tmp_path / "cdogs-client").write_text("canary-cdogs")
    token = as_json({"access_token": "t-1", "expires_in": 300, "token_type": "Bearer"})
    healthy = [{"name": name, "healthy": True} for name in ("database", "queue", "smtp")]
    token_route, ches, cdogs = (
        "POST /auth/realms/comsvcauth/protocol/openid-connect/token",
        "GET /api/v1/health",
        "GET /api/v2/health",
    )
    routes: dict[str, Any] = {token_route: token, ches: as_json({"dependencies": healthy}), cdogs: http_response(b"OK")}
    async with scripted_http(routes) as server:

        def local(text: str) -> str:
            hosts = rf"https://(?:{SSO[8:]}|ches\.api\.gov\.bc\.ca|cdogs\.api\.gov\.bc\.ca)"
            return re.sub(hosts, server.url, text).replace("/run/secrets", str(tmp_path))

        async def outcomes() -> list[tuple[Outcome, str]]:
            checks = [journey("chefs.yaml", local, name)["checks"][0] for name in ("ches", "cdogs")]
            results = [(await attempt(check)).result for check in checks]
            return [(result.outcome, result.reason) for result in results]

        assert await outcomes() == [(Outcome.GOOD, "")] * 2
        assert {request.headers["authorization"] for request in server.requests if request.method == "GET"} == {
            "Bearer t-1"
        }
        server.routes[ches] = as_json({"dependencies": [*healthy[:2], {"name": "smtp", "healthy": False}]})
        server.routes[cdogs] = http_response(b"<h1>NOK</h1>")
        assert await outcomes() == [(Outcome.BAD, "body_mismatch")] * 2
        server.routes[token_route] = as_json({"error": "invalid_client"}, "401 Unauthorized")
        assert {outcome for outcome, _ in await outcomes()} == {Outcome.UNKNOWN}


async def test_the_daily_report_of_drop_is_stale_after_its_hours(tmp_path: Path) -> None:
    """The listing's last file counts, with its own time."""
    listing = b'<a href="old.csv">old.csv</a> <a href="new.csv">new.csv</a> <a href="notes.txt">notes.txt</a>'
    modified = {"Last_Modified": formatdate(time.time(), usegmt=True)}
    routes: dict[str, Any] = {
        "GET /reports/": http_response(listing),
        "HEAD /reports/new.csv": http_response(**modified),
        "HEAD /reports/old.csv": http_response(Last_Modified=formatdate(0, usegmt=True)),
    }
    async with scripted_http(routes) as server:
        check = journey("drop.yaml", lambda text: text.replace("https://<address>", server.url), "daily-report")
        assert (await attempt(check)).result.outcome is Outcome.GOOD
        server.routes["GET /reports/"] = http_response(listing.replace(b"new.csv", b"old.csv"))
        result = (await attempt(check)).result
        assert (result.outcome, result.reason) == (Outcome.BAD, "stale")


LOGIN_FORM = """<h1>Log in with IDIR</h1>{message}<form method="post" action="/idir">
<input name="user"><input type="password" name="password"><input type="submit" value="Continue"></form>"""
CHOICE = '<a href="/idir-form">IDIR</a> <a href="/bceid">BCeID</a>'


@pytest.mark.slow
@pytest.mark.needs_chromium
@needs("chromium")
async def test_the_browser_signs_in_with_idir(tmp_path: Path) -> None:
    """The realm offers a choice of providers. A refused account is unknown; a provider that fails is bad."""
    (tmp_path / "idir-password").write_text("canary-idir")

    def page(text: str, status: str = "200 OK", **headers: str) -> bytes:
        return http_response(f"<title>x</title>{text}".encode(), status, Content_Type="text/html", **headers)

    def sign_in(request: Received) -> bytes:
        if "password=canary-idir" not in request.body:
            return page(LOGIN_FORM.format(message="<p>Your user ID or password is incorrect</p>"))
        return page("", "302 Found", Location="/app")

    routes: dict[str, Any] = {
        "GET /app": page("<button>Log out</button>"),
        "GET /start": page("", "302 Found", Location="/choice"),
        "GET /choice": page(CHOICE),
        "GET /idir-form": page(LOGIN_FORM.format(message="")),
        "POST /idir": sign_in,
    }
    async with scripted_http(routes) as server:

        def local(text: str) -> str:
            text = text.replace("https://forms.example.org/app", f"{server.url}/start").replace(
                "../../var", str(tmp_path)
            )
            text = text.replace("https://forms.example.org/", f"{server.url}/app").replace(
                "/run/secrets", str(tmp_path)
            )
            return text.replace("../journeys", str(PRODUCTS.parent / "journeys")).replace("timeout: 1m", "timeout: 40s")

        check = journey("keycloak.yaml", local, "log-in-with-idir")
        result = (await attempt(check, 60)).result
        assert (result.outcome, result.reason) == (Outcome.GOOD, ""), result.detail
        (tmp_path / "idir-password").write_text("expired")
        result = (await attempt(check, 60)).result
        assert (result.outcome, result.reason) == (Outcome.UNKNOWN, "browser_undecided"), result.detail
        server.routes["GET /choice"] = page("<h1>Service unavailable</h1>", "503 Service Unavailable")
        result = (await attempt({**check, "timeout": "5s"}, 25)).result
        assert result.outcome is Outcome.BAD, result.detail
