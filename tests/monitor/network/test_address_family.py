"""`family:` of every kind with an address: the addresses that are tried, and the reason if there is none."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from sla.observation import Outcome
from tests.support.probing import attempt, load_check
from tests.support.servers import http_response, respond_with, serve_tcp

KINDS = [{"tcp": "127.0.0.1:{}"}, {"http": "http://127.0.0.1:{}/"}]


def with_port(check_keys: dict[str, Any], port: int, **options: Any) -> dict[str, Any]:
    return {key: value.format(port) if isinstance(value, str) else value for key, value in check_keys.items()} | options


@pytest.mark.parametrize("check_keys", KINDS)
@pytest.mark.parametrize("family", ["any", "ip4", "ip4-first", "ip6-first"])
async def test_address_of_the_family_is_reached(check_keys: dict[str, Any], family: str) -> None:
    async with serve_tcp(respond_with(http_response())) as port:
        result = (await attempt(with_port(check_keys, port, family=family))).result
    assert result.outcome is Outcome.GOOD, result.detail


@pytest.mark.parametrize("check_keys", KINDS)
@pytest.mark.fault(31)
async def test_target_without_an_address_of_the_family_is_bad(check_keys: dict[str, Any]) -> None:
    async with serve_tcp(respond_with(http_response())) as port:
        result = (await attempt(with_port(check_keys, port, family="ip6"))).result
    assert (result.outcome, result.reason, result.detail) == (
        Outcome.BAD,
        "dns_no_address",
        "127.0.0.1 in ip6 has no address",
    )


@pytest.mark.parametrize("family", ["ipv4", 4, ["ip4"], ""])
def test_unknown_family_is_rejected(family: Any) -> None:
    with pytest.raises(ValidationError, match="must be any, ip4, ip6, ip4-first or ip6-first"):
        load_check({"tcp": "127.0.0.1:1", "family": family})
