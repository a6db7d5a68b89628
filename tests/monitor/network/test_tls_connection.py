"""TLS options of a check without TLS are rejected, because nothing would be verified."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from monitor.config.model import Secret
from tests.support.probing import load_check

GRPC, REDIS = {"grpc": "h.example.org:1"}, {"redis": "h.example.org"}
DATABASES = [{"mysql": "h.example.org"}, {"postgres": "h.example.org"}]
TCP = {"tcp": "h.example.org:1"}
DNS = {"dns": "example.org"}
TOKENS = {
    "token_url": "https://t.example.org/",
    "client_id": "us",
    "client_secret": Secret("hidden", "a test"),
}
PROMETHEUS = {"good": "sum(good)", "total": "sum(all)", "at_least": "99%"}
SMTP = {"smtp": "h.example.org"}


@pytest.mark.parametrize(
    ("check_keys", "remedy"),
    [
        *((check, "add encrypted: true") for check in (GRPC, REDIS, TCP, *DATABASES)),
        (TCP | {"script": [{"expect": "220"}]}, "or a step with starttls: true"),
        (SMTP, "add encryption: starttls or"),
        (DNS, "add transport: tls"),
        (DNS | {"transport": "tcp"}, "add transport: tls"),
        ({"websocket": "ws://h.example.org/"}, "use wss://"),
        ({"http": "http://h.example.org/"}, "use https://"),
        (PROMETHEUS | {"prometheus": "http://h.example.org/"}, "use https://"),
        ({"http": "http://h.example.org/", "oauth2": TOKENS | {"tls": {}}}, "use https://"),
    ],
    ids=lambda keys: " ".join(keys) if isinstance(keys, dict) else "",
)
@pytest.mark.parametrize("options", [{"verify": False}, {"server_name": "other.example.org"}, {"version": "TLSv1.3"}])
def test_tls_options_without_tls_are_rejected(check_keys: dict[str, Any], remedy: str, options: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match=f"has no effect without TLS; .*{remedy}"):
        load_check(check_keys | {"tls": options})


@pytest.mark.parametrize(
    "check_keys",
    [
        *(check | {"encrypted": True} for check in (GRPC, REDIS, TCP, *DATABASES)),
        TCP | {"script": [{"send": "STARTTLS\r\n", "expect": "220", "starttls": True}]},
        SMTP | {"encryption": "starttls"},
        SMTP | {"encryption": "tls"},
        DNS | {"transport": "tls"},
        {"websocket": "wss://h.example.org/"},
        {"http": "https://h.example.org/"},
        PROMETHEUS | {"prometheus": "https://h.example.org/"},
        {"http": "http://h.example.org/", "redirects": 1},
        {"http": "http://h.example.org/", "oauth2": TOKENS},
    ],
    ids=lambda keys: " ".join(keys),
)
def test_tls_options_with_tls_are_accepted(check_keys: dict[str, Any]) -> None:
    assert load_check(check_keys | {"tls": {"verify": False}}).tls.verify is False
    assert load_check({key: value for key, value in check_keys.items() if key != "encrypted"} | {"tls": {}})
