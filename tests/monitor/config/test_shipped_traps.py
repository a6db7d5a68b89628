"""The shipped product files against what the real products were seen to answer while they failed."""

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
    found = examine(ROOT / "config" / "ninewatch.yaml", CHECK_TYPES)
    assert found.portfolio is not None, found.problems
    return {f"{product.id}/{check.id}": check for product, check in found.portfolio.checks()}


def said(body: Any, status: int = 200, **headers: str) -> bytes:
    text = body if isinstance(body, str) else json.dumps(body)
    return http_response(text.encode(), f"{status} Said", **(headers or JSON))


def chefs(*lost: str) -> dict[str, Any]:
    """Return what CHEFS says of its connections while some are lost."""
    connections = {name: {"displayName": name, "connected": name not in lost, "started": True} for name in CONNECTIONS}
    return {"ready": not lost, "stopped": False, "connections": connections}


def components(**states: str) -> list[dict[str, str]]:
    return [{"id": name, "status": state} for name, state in states.items()]


@pytest.mark.parametrize(
    ("check", "reply", "outcome", "detail"),
    [
        ("chefs/status", said(chefs()), GOOD, ""),
        (
            "chefs/status",
            said(chefs("dataConnection")),
            BAD,
            "$['connections']['dataConnection']['connected'] is false",
        ),
        ("chefs/status", said(chefs("clamAvScanner")), BAD, "$['connections']['clamAvScanner']['connected'] is false"),
        ("chefs/status", said({"ready": False, "stopped": True, "connections": {}}), BAD, "$.connections.*.connected"),
        ("chefs/api", said('"ok"'), GOOD, ""),
        ("chefs/api", said("", 302, Location="/app/?r=1"), BAD, "status 302"),
        ("css/portal", said({"message": [{"now": "2026-11-29T00:00:00Z"}]}), GOOD, ""),
        ("css/portal", said({"message": "Internal server error"}, 422), BAD, "status 422"),
        ("css/api", said([{"now": "2026-11-29T00:00:00Z"}]), GOOD, ""),
        ("css/api", said({"message": "database"}, 422), BAD, "status 422"),
        ("css/integrations", said({"success": False, "message": "unauthorized request"}, 401), GOOD, ""),
        ("css/integrations", said("<html>Forbidden</html>", 403), BAD, "status 403"),
        ("css/integrations", said("API not available. ...", 503), BAD, "status 503"),
        ("css/integrations", said("<html>Sign in</html>", 401), BAD, "not JSON"),
        ("keycloak/standard", said({"issuer": ISSUER}), GOOD, ""),
        ("keycloak/standard", said({"issuer": "http://login.wrong.example/auth/realms/standard"}), BAD, "login.wrong"),
        ("keycloak/standard", said("<html>maintenance</html>", **{"Content-Type": "text/html"}), BAD, "Content-Type"),
        ("keycloak/token-endpoint", said({"error": "invalid_client"}, 401), GOOD, ""),
        ("keycloak/token-endpoint", said({"error": "Realm not enabled"}, 403), BAD, "status 403"),
        ("keycloak/token-endpoint", said({"error": "unknown_error"}, 500), BAD, "status 500"),
        ("keycloak/token-endpoint", said({"error": "invalid_request"}, 400), BAD, "status 400"),
        ("notify/api", said({"message": "x", "result": "error"}), BAD, "$.status is missing"),
        ("notify-delivery/email", said(components(api="up", email="degraded", sms="down")), GOOD, ""),
        ("notify-delivery/sms", said(components(api="up", email="degraded", sms="down")), BAD, '"down"'),
        ("notify-delivery/email", said([{"status": "up", "id": "email"}]), GOOD, ""),
        ("notify-delivery/email", said(components(api="up")), BAD, "missing"),
        ("notify-delivery/status-file", said([], **{"Last-Modified": "Sun, 06 Nov 1994 08:49:37 GMT"}), BAD, "old"),
        ("chefs/api", said({"status": 429}, 429, **{"Retry-After": "50"}), UNKNOWN, "429"),
    ],
)
async def test_each_shipped_check_judges_what_the_product_was_seen_to_answer(
    checks: dict[str, CheckBase], check: str, reply: bytes, outcome: Outcome, detail: str
) -> None:
    async with serve_tcp(respond_with(reply)) as port:
        result = (await attempt_of(moved(checks[check], port))).result
    assert result.outcome is outcome, result.detail
    assert detail in result.detail


def moved(check: CheckBase, port: int) -> CheckBase:
    """Return the check as it stands, asked at a loopback port in the clear."""
    url = getattr(check, check.kind)
    path = url.partition("//")[2].partition("/")[2]
    return check.model_copy(update={check.kind: f"http://127.0.0.1:{port}/{path}"})


def test_the_gslb_answers_only_with_the_two_sites(checks: dict[str, CheckBase]) -> None:
    wanted = checks["keycloak/gslb"].expect.answer  # type: ignore[attr-defined]
    for address, fits in (
        ("142.34.229.4", True),
        ("142.34.64.4", True),
        ("142.34.229.41", False),
        ("192.0.2.1", False),
    ):
        assert bool(wanted.all_match.search(f"loginproxy.gov.bc.ca. 60 IN A {address}")) is fits
