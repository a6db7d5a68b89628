"""The shipped product files with recorded responses of the real products during failures."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from monitor.config.loader import examine
from monitor.probes.registry import CHECK_TYPES
from sla.observation import Outcome
from tests.support.probing import attempt_of
from tests.support.servers import http_response, respond_with, serve_tcp

if TYPE_CHECKING:
    from monitor.config.model import CheckBase

ROOT = Path(__file__).resolve().parents[3]
GOOD, BAD, UNKNOWN = Outcome.GOOD, Outcome.BAD, Outcome.UNKNOWN
JSON = {"Content-Type": "application/json"}
ISSUER = "https://loginproxy.gov.bc.ca/auth/realms/standard"
CONNECTIONS = ("dataConnection", "eventStreamService", "clamAvScanner")


@pytest.fixture(scope="module")
def checks() -> dict[str, CheckBase]:
    result = examine(ROOT / "config" / "ninewatch.yaml", CHECK_TYPES)
    assert result.portfolio is not None, result.problems
    return {f"{product.id}/{check.id}": check for product, check in result.portfolio.checks()}


def reply_with(body: Any, status: int = 200, **headers: str) -> bytes:
    text = body if isinstance(body, str) else json.dumps(body)
    return http_response(text.encode(), f"{status} Status", **(headers or JSON))


def chefs(*lost: str) -> dict[str, Any]:
    """Return the health response of CHEFS while some connections are lost."""
    connections = {name: {"displayName": name, "connected": name not in lost, "started": True} for name in CONNECTIONS}
    return {"ready": not lost, "stopped": False, "connections": connections}


def components(**states: str) -> list[dict[str, str]]:
    return [{"id": name, "status": state} for name, state in states.items()]


@pytest.mark.parametrize(
    ("check", "reply", "outcome", "detail"),
    [
        ("chefs/status", reply_with(chefs()), GOOD, ""),
        (
            "chefs/status",
            reply_with(chefs("dataConnection")),
            BAD,
            "$['connections']['dataConnection']['connected'] is false",
        ),
        (
            "chefs/status",
            reply_with(chefs("clamAvScanner")),
            BAD,
            "$['connections']['clamAvScanner']['connected'] is false",
        ),
        (
            "chefs/status",
            reply_with({"ready": False, "stopped": True, "connections": {}}),
            BAD,
            "$.connections.*.connected",
        ),
        ("chefs/api", reply_with('"ok"'), GOOD, ""),
        ("chefs/api", reply_with("", 302, Location="/app/?r=1"), BAD, "status 302"),
        ("css/portal", reply_with({"message": [{"now": "2026-11-29T00:00:00Z"}]}), GOOD, ""),
        ("css/portal", reply_with({"message": "Internal server error"}, 422), BAD, "status 422"),
        ("css/api", reply_with([{"now": "2026-11-29T00:00:00Z"}]), GOOD, ""),
        ("css/api", reply_with({"message": "database"}, 422), BAD, "status 422"),
        ("css/integrations", reply_with({"success": False, "message": "unauthorized request"}, 401), GOOD, ""),
        ("css/integrations", reply_with("<html>Forbidden</html>", 403), BAD, "status 403"),
        ("css/integrations", reply_with("API not available. ...", 503), BAD, "status 503"),
        ("css/integrations", reply_with("<html>Sign in</html>", 401), BAD, "not JSON"),
        ("keycloak/standard", reply_with({"issuer": ISSUER}), GOOD, ""),
        (
            "keycloak/standard",
            reply_with({"issuer": "http://login.wrong.example/auth/realms/standard"}),
            BAD,
            "login.wrong",
        ),
        (
            "keycloak/standard",
            reply_with("<html>maintenance</html>", **{"Content-Type": "text/html"}),
            BAD,
            "Content-Type",
        ),
        ("keycloak/token-endpoint", reply_with({"error": "invalid_client"}, 401), GOOD, ""),
        ("keycloak/token-endpoint", reply_with({"error": "Realm not enabled"}, 403), BAD, "status 403"),
        ("keycloak/token-endpoint", reply_with({"error": "unknown_error"}, 500), BAD, "status 500"),
        ("keycloak/token-endpoint", reply_with({"error": "invalid_request"}, 400), BAD, "status 400"),
        ("notify/api", reply_with({"message": "x", "result": "error"}), BAD, "$.status is missing"),
        ("notify-delivery/email", reply_with(components(api="up", email="degraded", sms="down")), GOOD, ""),
        ("notify-delivery/sms", reply_with(components(api="up", email="degraded", sms="down")), BAD, '"down"'),
        ("notify-delivery/email", reply_with([{"status": "up", "id": "email"}]), GOOD, ""),
        ("notify-delivery/email", reply_with(components(api="up")), BAD, "missing"),
        (
            "notify-delivery/status-file",
            reply_with([], **{"Last-Modified": "Sun, 06 Nov 1994 08:49:37 GMT"}),
            BAD,
            "old",
        ),
        ("chefs/api", reply_with({"status": 429}, 429, **{"Retry-After": "50"}), UNKNOWN, "429"),
    ],
)
async def test_shipped_check_gives_the_expected_outcome_for_a_recorded_response(
    checks: dict[str, CheckBase], check: str, reply: bytes, outcome: Outcome, detail: str
) -> None:
    async with serve_tcp(respond_with(reply)) as port:
        result = (await attempt_of(with_loopback_target(checks[check], port))).result
    assert result.outcome is outcome, result.detail
    assert detail in result.detail


def with_loopback_target(check: CheckBase, port: int) -> CheckBase:
    """Return the check with a loopback port as its target, without TLS."""
    url = getattr(check, check.kind)
    path = url.partition("//")[2].partition("/")[2]
    return check.model_copy(update={check.kind: f"http://127.0.0.1:{port}/{path}"})


def test_gslb_check_accepts_only_the_two_sites(checks: dict[str, CheckBase]) -> None:
    answer_condition = checks["keycloak/gslb"].expect.answer  # type: ignore[attr-defined]
    for address, accepted in (
        ("142.34.229.4", True),
        ("142.34.64.4", True),
        ("142.34.229.41", False),
        ("192.0.2.1", False),
    ):
        assert bool(answer_condition.all_match.search(f"loginproxy.gov.bc.ca. 60 IN A {address}")) is accepted
