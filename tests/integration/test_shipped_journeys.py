"""The journeys in comments of the shipped portfolio, against local services with the recorded shapes."""

from __future__ import annotations

import json
import re
import textwrap
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from monitor.probe_result import JourneyResult
from sla.observation import Outcome
from tests.monitor.protocols.test_jwt import CLAIMS, KEYS, signed
from tests.support.chefs import FORM, KEY, ChefsService
from tests.support.probing import attempt
from tests.support.scripted_http import Received, as_json, scripted_http

if TYPE_CHECKING:
    from collections.abc import Iterator

PRODUCTS = Path(__file__).parents[2] / "config/products"
SSO, CHEFS, NOTIFY = (
    "https://loginproxy.gov.bc.ca",
    "https://submit.digital.gov.bc.ca",
    "https://api.notification.canada.ca",
)
NOTIFY_KEY = "gcntfy-ninewatch-canary"


def journey(file: str, changed: Callable[[str], str]) -> dict[str, Any]:
    """Return the check in the comments of a product file, with its text changed."""
    lines = (PRODUCTS / file).read_text(encoding="utf-8").splitlines()
    start = next(number for number, line in enumerate(lines) if re.match(r" +# - id: ", line))
    end = next((n for n in range(start, len(lines)) if not lines[n].strip().startswith("#")), len(lines))
    text = textwrap.dedent("\n".join(line.replace("# ", "", 1) for line in lines[start:end]))
    (check,) = yaml.safe_load(changed(text))
    assert isinstance(check, dict)
    return check


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

    check = journey("chefs.yaml", local)
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

        check = journey("notify.yaml", local)
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
            "keycloak.yaml", lambda text: text.replace(SSO, server.url).replace("/run/secrets", str(tmp_path))
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
