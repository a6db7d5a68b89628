"""The prometheus kind: the share of good events in real traffic, and a metrics server that is not the target."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import pytest
from pydantic import ValidationError

from sla.observation import Outcome
from tests.support.probing import attempt, load_check
from tests.support.processes import fetch, free_port, needs, run_program, wait_for
from tests.support.proxy import Proxy
from tests.support.servers import http_response, read_request, send_nothing, serve_tcp

if TYPE_CHECKING:
    import asyncio
    from pathlib import Path

    from monitor.probe_result import ProbeResult
    from tests.support.servers import Handler

GOOD, BAD, UNKNOWN = Outcome.GOOD, Outcome.BAD, Outcome.UNKNOWN


def numbers(**values: list[str]) -> Handler:
    """Return a server that answers the queries `good` and `total` with these samples."""

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        path = (await read_request(reader)).split()[1].decode()
        name = parse_qs(urlsplit(path).query)["query"][0]
        samples = [{"metric": {}, "value": [0, value]} for value in values[name]]
        body = {"status": "success", "data": {"resultType": "vector", "result": samples}}
        writer.write(http_response(json.dumps(body).encode()))
        await writer.drain()

    return handler


def respond_always_with(response: bytes) -> Handler:
    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(response)
        await writer.drain()

    return handler


async def run_probe(handler: Handler, **options: Any) -> ProbeResult:
    async with serve_tcp(handler) as port:
        check_keys = {"prometheus": f"http://127.0.0.1:{port}/", "good": "good", "total": "total", "at_least": "99%"}
        return (await attempt({**check_keys, "timeout": "1s", **options})).result


async def test_queries_use_the_checks_options() -> None:
    way = Proxy({"metrics.test": "127.0.0.1"})
    async with serve_tcp(numbers(good=["99"], total=["100"])) as port, serve_tcp(way) as through:
        check_keys = {"prometheus": f"http://metrics.test:{port}/", "good": "good", "total": "total", "at_least": "99%"}
        result = (await attempt({**check_keys, "proxy": f"http://127.0.0.1:{through}"})).result
    assert (result.outcome, len(way.heads)) == (GOOD, 2)


async def test_both_queries_have_the_same_instant() -> None:
    """Otherwise a scrape between the queries would count in only one of them, and the share would be wrong."""
    times = list[str]()

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        query_parameters = parse_qs(urlsplit((await read_request(reader)).split()[1].decode()).query)
        times.extend(query_parameters["time"])
        assert query_parameters["query"] == ['up{a="b c",d!~"e+"}']
        writer.write(http_response(b'{"status": "success", "data": {"resultType": "scalar", "result": [0, "1"]}}'))
        await writer.drain()

    query = 'up{a="b c",d!~"e+"}'
    assert (await run_probe(handler, good=query, total=query)).outcome is GOOD
    assert len(times) == 2
    assert times[0] == times[1]
    assert abs(float(times[0]) - time.time()) < 3600


def test_server_url_with_a_query_is_rejected() -> None:
    """The query of the check would become a part of it."""
    with pytest.raises(
        ValidationError, match="a base URL must not contain a query, because one is appended; send a key in headers"
    ):
        load_check({"prometheus": "http://h/?key=abc", "good": "1", "total": "1", "at_least": "99%"})


@pytest.mark.parametrize(
    ("good", "total", "outcome", "reason"),
    [
        (["99"], ["100"], GOOD, ""),
        (["98.9"], ["100"], BAD, "sli_below"),
        ([], ["5"], BAD, "sli_below"),
        (["7"], ["5"], GOOD, ""),
        (["0"], ["0"], UNKNOWN, "sli_no_traffic"),
        ([], [], UNKNOWN, "sli_no_traffic"),
        (["1"], ["NaN"], UNKNOWN, "sli_no_traffic"),
        (["1", "2"], ["5"], UNKNOWN, "sli_unavailable"),
        (["x"], ["5"], UNKNOWN, "sli_unavailable"),
    ],
)
async def test_outcome_depends_on_the_share_of_good_events(
    good: list[str], total: list[str], outcome: Outcome, reason: str
) -> None:
    result = await run_probe(numbers(good=good, total=total))
    assert (result.outcome, result.reason) == (outcome, reason)


@pytest.mark.parametrize(
    "handler",
    [
        send_nothing,
        respond_always_with(http_response(b'{"status":"error","error":"parse error"}', "400 Bad Request")),
        respond_always_with(http_response(b"<html>", "502 Bad Gateway")),
        respond_always_with(http_response(b'{"status":"success","data":[]}')),
        respond_always_with(b""),
    ],
)
async def test_failing_metrics_server_gives_unknown(handler: Handler) -> None:
    result = await run_probe(handler)
    assert (result.outcome, result.reason) == (UNKNOWN, "sli_unavailable")


@pytest.mark.slow
@pytest.mark.needs_prometheus
@needs("prometheus")
async def test_real_server_answers_the_queries(tmp_path: Path) -> None:
    (tmp_path / "p.yml").write_text("global: {}\n")
    address = f"127.0.0.1:{free_port()}"
    options = [
        f"--web.listen-address={address}",
        f"--config.file={tmp_path}/p.yml",
        f"--storage.tsdb.path={tmp_path}/d",
    ]
    with run_program(tmp_path / "prometheus.log", ["prometheus", *options]):
        wait_for("prometheus", lambda: fetch(f"http://{address}/-/ready")[0] == 200)
        check_keys = {"prometheus": f"http://{address}", "good": "vector(995)", "total": "vector(1000)"}
        assert (await attempt({**check_keys, "at_least": "99%"})).result.outcome is GOOD
        assert (await attempt({**check_keys, "at_least": "99.9%"})).result.reason == "sli_below"
        assert (await attempt({**check_keys, "good": "sum(", "at_least": "99%"})).result.reason == "sli_unavailable"
