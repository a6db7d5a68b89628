"""`ninewatch import gatus`: what a configuration of Gatus becomes, and what is listed as not carried over."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from monitor.config.expect import Expect
from monitor.config.loader import examine
from monitor.errors import NinewatchError
from monitor.migration.gatus import convert_gatus
from monitor.migration.gatus_conditions import Expectations, UnsupportedConditionError
from monitor.probes.registry import CHECK_TYPES

if TYPE_CHECKING:
    from monitor.config.model import Portfolio
    from monitor.migration.conversion import Conversion

EXAMPLE = Path(__file__).parents[3] / "examples/gatus.yaml"

VERSION_4 = """
security:
  basic: {username: admin, password-bcrypt-base64: eA==}
endpoints:
  - name: Front End
    group: core
    url: "https://user:hunter2@forms.example.org:8443/health"
    method: POST
    body: '{"password": "hunter2"}'
    client: {insecure: true, ignore-redirect: true, timeout: 90s}
    conditions: ["[STATUS] < 300", "[CERTIFICATE_EXPIRATION] > 48h", "[DOMAIN_EXPIRATION] > 720h"]
    alerts: [{type: slack}]
  - {name: mail, url: "starttls://mail.example.org:587", conditions: ["[CERTIFICATE_EXPIRATION] > 48h"]}
  - {name: gone, enabled: false, url: "https://gone.example.org", conditions: ["[STATUS] == 200"]}
  - {name: router, url: "tcp://192.0.2.1:22", interval: 5s, conditions: ["[CONNECTED] == true"]}
"""
VERSION_5 = """
endpoints:
  - name: token
    url: "https://user:hunter2@${HOST}/api?key=hunter2"
    conditions: ["[STATUS] == 200"]
  - name: orders
    url: "https://orders.example.org/api?api_key=hunter2"
    client:
      oauth2:
        {token-url: "https://sso.example.org/token", client-id: orders, client-secret: "${ORDERS}", scopes: [openid]}
      tunnel: jump
    conditions: ["[STATUS] == 200", "[BODY] == pat(*healthy*)", "[BODY] != error"]
  - {name: events, url: "wss://events.example.org", body: ping, conditions: ["[BODY] == pat(pong*)"]}
  - {name: echo, url: "udp://echo.example.org:7", body: ping, conditions: ["[BODY] == ping"]}
  - {name: shell, url: "ssh://shell.example.org:2222", ssh: {username: x}, conditions: ["[CONNECTED] == true"]}
  - {name: health, url: "grpcs://grpc.example.org:443", conditions: ["[CONNECTED] == true"]}
  - {name: broken, url: "tcp://user:hunter2@[x", conditions: ["[CONNECTED] == true"]}
  - {name: sctp, url: "sctp://sctp.example.org:38412", conditions: ["[CONNECTED] == true"]}
external-endpoints:
  - {name: pushed, token: hunter2}
suites:
  - {name: checkout, endpoints: []}
maintenance: {start: "23:30", duration: 1h}
"""


def convert(folder: Path, text: str) -> Conversion:
    path = folder / "config.yaml"
    path.write_text(text)
    return convert_gatus(path, "99.5%")


def load_written(folder: Path, conversion: Conversion, monkeypatch: pytest.MonkeyPatch) -> Portfolio:
    """Load the written file as `ninewatch check-config` does, with the secrets that the notes list."""
    for variable in conversion.variables:
        monkeypatch.setenv(variable, f"value-of-{variable}")
    path = folder / "written.yaml"
    path.write_text(conversion.text())
    result = examine(path, CHECK_TYPES)
    assert result.portfolio is not None, result.problems
    return result.portfolio


def checks(conversion: Conversion) -> dict[str, dict[str, Any]]:
    return {f"{p['id']}/{c['id']}": c for p in yaml.safe_load(conversion.text())["products"] for c in p["checks"]}


def test_example_becomes_a_product_per_endpoint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    conversion = convert_gatus(EXAMPLE, "99.9%")
    assert checks(conversion)["core-front-end/http"] == {
        "id": "http",
        "http": "https://forms.example.org/health",
        "redirects": 10,
        "expect": {"status": ["200"], "json": {"$.status": {"==": "UP"}}},
        "interval": "30s",
        "timeout": "300ms",
        "fall": 3,
        "rise": 2,
    }
    portfolio = load_written(tmp_path, conversion, monkeypatch)
    assert [product.id for product in portfolio.products] == [
        "core-front-end",
        "core-api",
        "resolver",
        "database",
        "jobs-nightly-load",
    ]
    assert conversion.targets["core_front-end"] == "core-front-end/http"
    assert portfolio.maintenance[0].rrule == "FREQ=WEEKLY;BYDAY=MO,TH"


def test_what_is_not_carried_over_is_listed_with_its_position() -> None:
    notes = convert_gatus(EXAMPLE, "99.9%").notes
    assert f"{EXAMPLE}:3:3: alerting: not carried over: its providers; configure receivers and routes " in notes[0]
    assert any(re.search(r":35:9: endpoints\[1\].conditions\[2\]: not carried over: \[IP\] == 192", n) for n in notes)


@pytest.mark.parametrize("text", [VERSION_4, VERSION_5], ids=["4", "5"])
def test_configurations_of_both_versions_load_and_contain_no_secret(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    conversion = convert(tmp_path, text)
    load_written(tmp_path, conversion, monkeypatch)
    assert "hunter2" not in conversion.text()
    assert all(note.startswith(f"{tmp_path / 'config.yaml'}:") and "hunter2" not in note for note in conversion.notes)


def test_version_4(tmp_path: Path) -> None:
    conversion = convert(tmp_path, VERSION_4)
    converted_checks = checks(conversion)
    assert list(converted_checks) == [
        "core-front-end/http",
        "core-front-end/certificate",
        "core-front-end/domain",
        "mail/certificate",
        "router/tcp",
    ]
    front = converted_checks["core-front-end/http"]
    assert front["http"] == "https://forms.example.org:8443/health"
    assert front["basic"] == {"user": "user", "password": {"env": "GATUS_CORE_FRONT_END_PASSWORD"}}
    assert front["body"] == {"env": "GATUS_CORE_FRONT_END_BODY"}
    assert front["expect"] == {"status": ["100-299"]}
    assert "redirects" not in front
    assert (front["tls"], front["timeout"], front["fall"], front["rise"]) == ({"verify": False}, "1m", 3, 2)
    assert converted_checks["core-front-end/certificate"]["tls"] == {
        "target": "forms.example.org:8443",
        "valid_for": "2d",
    }
    assert (
        converted_checks["core-front-end/domain"]["domain"],
        converted_checks["core-front-end/domain"]["valid_for"],
    ) == (
        "example.org",
        "30d",
    )
    assert converted_checks["mail/certificate"]["tls"] == {
        "target": "mail.example.org:587",
        "starttls": "smtp",
        "valid_for": "2d",
    }
    assert converted_checks["router/tcp"]["timeout"] == "5s"
    notes = "\n".join(conversion.notes)
    assert 'the endpoint "gone" is disabled' in notes
    assert "security: not carried over" in notes
    assert "the registered domain of forms.example.org is assumed to be example.org" in notes


def test_version_5(tmp_path: Path) -> None:
    conversion = convert(tmp_path, VERSION_5)
    converted_checks = checks(conversion)
    assert list(converted_checks) == ["orders/http", "events/websocket", "echo/udp", "shell/ssh", "health/grpc"]
    orders = converted_checks["orders/http"]
    assert orders["http"] == "https://orders.example.org/api"
    assert orders["oauth2"]["client_secret"] == {"env": "ORDERS"}
    assert orders["expect"]["contains"] == ["healthy"]
    assert orders["expect"]["not_matches"] == [r"(?s)\A\s*error\s*\z"]
    assert converted_checks["events/websocket"]["expect"] == r"(?s)\Apong.*\z"
    notes = "\n".join(conversion.notes)
    for expected in (
        "endpoints[0].url: not carried over: https://${HOST}/api: the address has an environment variable",
        "endpoints[1].url: not carried over: the query of the address, which has a credential",
        "endpoints[1].client.tunnel: not carried over",
        "endpoints[4].ssh: not carried over",
        "endpoints[6].url: not carried over: tcp://[x: ",
        "endpoints[7].url: not carried over: sctp endpoints have no equivalent",
        'the external endpoint "pushed" has no heartbeat interval',
        "suites: not carried over: multi-step journeys",
    ):
        assert expected in notes, expected
    assert yaml.safe_load(conversion.text())["maintenance"][0]["end"] == "2020-01-07T00:30:00"


def test_ping_is_carried_over_also_if_this_machine_may_not_ping(tmp_path: Path) -> None:
    text = 'endpoints: [{name: r, url: "icmp://192.0.2.1", conditions: ["[CONNECTED] == true"]}]'
    assert checks(convert(tmp_path, text))["r/ping"]["icmp"] == "192.0.2.1"


@pytest.mark.parametrize(
    ("condition", "good", "bad"),
    [
        ("[BODY].n == 5", ['{"n": 5}', '{"n": "5"}'], ['{"n": 6}', "{}"]),
        ("5 == [BODY].n", ['{"n": 5}'], ['{"n": 6}']),
        ("10 > [BODY].n", ['{"n": 9}'], ['{"n": 10}']),
        ("[BODY].ok == true", ['{"ok": true}', '{"ok": "true"}'], ['{"ok": false}', '{"ok": 1}']),
        ("[BODY].ok != true", ['{"ok": false}', '{"ok": 1}'], ['{"ok": true}', '{"ok": "true"}']),
        ("[BODY].a[0].b-c == any(x, y)", ['{"a": [{"b-c": "y"}]}'], ['{"a": [{"b-c": "z"}]}', '{"a": []}']),
        ("[BODY].name == pat(john*)", ['{"name": "john doe"}'], ['{"name": "a john"}']),
        ("len([BODY].list) >= 2", ['{"list": [1, 2]}'], ['{"list": [1]}', "{}"]),
        ("has([BODY].error) == false", ["{}"], ['{"error": 1}']),
        ("has([BODY].data) != false", ['{"data": 1}'], ["{}"]),
        ("[BODY][*].up == true", ['[{"up": true}]'], ['[{"up": true}, {"up": false}]', "[]"]),
    ],
)
def test_json_conditions_accept_the_same_bodies(condition: str, good: list[str], bad: list[str]) -> None:
    expectations = Expectations()
    expectations.add(condition)
    (expectation,) = Expect.model_validate(expectations.expect).json_values
    assert [expectation.is_met(expectation.path.values(yaml.safe_load(body))) for body in good] == [True] * len(good)
    assert [expectation.is_met(expectation.path.values(yaml.safe_load(body))) for body in bad] == [False] * len(bad)


@pytest.mark.parametrize(
    ("conditions", "ranges"),
    [
        ([], ["100-599"]),
        (["[STATUS] == 200"], ["200"]),
        (["[STATUS] == any(200, 204, 429)"], ["200", "204", "429"]),
        (["[STATUS] >= 200", "[STATUS] < 300"], ["200-299"]),
        (["400 > [STATUS]", "[STATUS] != 301"], ["100-300", "302-399"]),
        (["[STATUS] == pat(20*)"], ["200-209"]),
    ],
)
def test_status_conditions(conditions: list[str], ranges: list[str]) -> None:
    expectations = Expectations()
    for condition in conditions:
        expectations.add(condition)
    assert expectations.status_keys() == ranges


@pytest.mark.parametrize(
    "condition",
    [
        "[STATUS] 200",
        "[STATUS] == [BODY].status",
        "200 == 200",
        "[STATUS] == two",
        "[CONNECTED] == false",
        "[DNS_RCODE] != NOERROR",
        "[RESPONSE_TIME] > 5",
        "[CERTIFICATE_EXPIRATION] < 48h",
        "[IP] == 127.0.0.1",
        "[CONTEXT].id == 5",
        "len([BODY]) > 0",
        "has([BODY].x) == maybe",
    ],
)
def test_conditions_without_an_equivalent_are_rejected(condition: str) -> None:
    with pytest.raises(UnsupportedConditionError):
        Expectations().add(condition)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("products: []\n", "is not a configuration of Gatus"),
        ("endpoints: [\n", "is not YAML"),
        ("endpoints: []\n", "nothing was carried over"),
        ('endpoints: [{name: a, url: "sctp://x:1"}]\n', "sctp endpoints have no equivalent"),
        ('endpoints: [{name: a, url: "tcp://x:99999"}]\n', "nothing was carried over"),
    ],
)
def test_other_files_are_rejected(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(NinewatchError, match=message):
        convert(tmp_path, text).configuration()
