"""/probe: who may ask, what is answered, and that nothing secret is told."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from ipaddress import ip_network
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import dns.rcode
import pytest

from monitor.blackbox.service import AT_ONCE, SPACING, Blackbox
from monitor.clock import SystemClock
from monitor.config.model import HostPort
from monitor.config.outbound import OutboundBlock
from monitor.engine.probe_environment import probe_environment
from monitor.health import Health
from monitor.network.outbound_policy import OutboundPolicy
from monitor.network.resolver import Resolver
from monitor.web import blackbox
from monitor.web.blackbox import Probes
from tests.monitor.web.conftest import small_ledger
from tests.support.addresses import resolver_for
from tests.support.clocks import ManualClock, settle
from tests.support.line_servers import send_on_connect
from tests.support.nameserver import dns_records, nameserver
from tests.support.proxy import Proxy
from tests.support.servers import http_response, read_request, respond_with, send_nothing, serve_tcp

if TYPE_CHECKING:
    from tests.monitor.web.conftest import RunningServer

CANARY = "canary-71c0ffee"
MODULES = f"""
modules:
  http_2xx: {{prober: http, timeout: 5s}}
  tcp: {{prober: tcp, timeout: 5s}}
  dns: {{prober: dns, timeout: 5s, dns: {{query_name: example.test}}}}
  icmp: {{prober: icmp, timeout: 5s}}
  grpc: {{prober: grpc, timeout: 5s}}
  named: {{prober: http, http: {{headers: {{Host: one.test}}}}}}
  session: {{prober: http, http: {{follow_redirects: false, headers: {{X-Session: {CANARY}-6}}}}}}
  loaded:
    prober: http
    timeout: 5s
    http:
      method: POST
      headers: {{X-Api-Key: {CANARY}-1}}
      basic_auth: {{username: user, password: {CANARY}-2}}
      body: token={CANARY}-3
  talking:
    prober: tcp
    timeout: 5s
    tcp: {{query_response: [{{expect: "^hello", send: "PASS {CANARY}-4"}}]}}
  labelled:
    prober: tcp
    timeout: 5s
    tcp:
      query_response:
        - expect: "^SSH-2.0-([^ -]+)(?: (.*))?$"
          labels: [{{name: version, value: "${{1}}"}}, {{name: note, value: "${{2}}"}}]
  exactly:
    prober: tcp
    timeout: 5s
    tcp: {{query_response: [{{expect_bytes: "SSH-2.0-"}}]}}
"""


@dataclass
class Asked:
    """A server that makes probes."""

    site: RunningServer
    box: Blackbox

    async def probe(self, target: str, module: str = "tcp", **headers: str) -> tuple[int, str]:
        found = await self.site.get("/probe", params={"target": target, "module": module}, headers=headers)
        return found.status, found.text

    async def debug(self, target: str, module: str, **headers: str) -> str:
        asked = {"target": target, "module": module, "debug": "true"}
        return (await self.site.get("/probe", params=asked, headers=headers)).text


Ask = Callable[..., Awaitable[Asked]]


@pytest.fixture
async def ask(publish: Callable[..., Awaitable[RunningServer]], tmp_path: Path) -> AsyncIterator[Ask]:
    path = tmp_path / "blackbox.yml"
    path.write_text(MODULES)
    async with (
        nameserver(dns_records(rcode=dns.rcode.NXDOMAIN)) as names,
        probe_environment(SystemClock(), Health(), Resolver(["127.0.0.1"], names)) as (runner, pulse),
    ):
        pulse.stalled = lambda: 0.0  # type: ignore[method-assign]

        async def start(*allow: str, outbound: OutboundBlock | None = None, everywhere: bool = False) -> Asked:
            box, ledger = Blackbox(path, SystemClock()), small_ledger()
            if everywhere:
                ledger.portfolio = ledger.portfolio.model_copy(update={"listen": HostPort("0.0.0.0", 9999)})
            runner.outbound = OutboundPolicy(outbound)
            probes = Probes(box, runner, tuple(map(ip_network, allow)))
            return Asked(await publish(ledger, SystemClock(), probes=probes), box)

        yield start


def value(page: str, name: str) -> float:
    return next(float(line.split()[-1]) for line in page.splitlines() if line.startswith(f"{name} "))


async def test_without_modules_it_is_off(site: RunningServer) -> None:
    found = await site.get("/probe?target=127.0.0.1")
    assert found.status == 404
    assert "--blackbox-config" in found.text


async def test_this_machine_may_ask(ask: Ask) -> None:
    asked = await ask()
    async with serve_tcp(respond_with(http_response(b"ok"))) as port:
        status, page = await asked.probe(f"127.0.0.1:{port}", "http_2xx")
    assert (status, value(page, "probe_success"), value(page, "probe_http_status_code")) == (200, 1, 200)
    assert 'ninewatch_probe_outcome_info{outcome="good",reason=""} 1' in page


@pytest.mark.parametrize(
    "headers",
    [
        {name: "127.0.0.1"}
        for name in (
            "X-Forwarded-For",
            "Forwarded",
            "x-real-ip",
            "Via",
            "X-Forwarded-Proto",
            "X-Original-Forwarded-For",
            "X-Client-IP",
            "X-Cluster-Client-IP",
            "True-Client-IP",
            "CF-Ray",
        )
    ],
    ids=lambda headers: next(iter(headers)),
)
async def test_what_came_through_a_proxy_is_a_strangers(ask: Ask, headers: dict[str, str]) -> None:
    asked = await ask()
    status, said = await asked.probe("127.0.0.1:1", **headers)
    assert (status, "--blackbox-allow" in said) == (403, True)


async def test_http_1_0_is_what_proxies_speak(ask: Ask) -> None:
    where = urlsplit((await ask()).site.base)
    reader, writer = await asyncio.open_connection(where.hostname, where.port)
    writer.write(b"GET /probe?module=tcp&target=127.0.0.1:1 HTTP/1.0\r\nHost: localhost\r\n\r\n")
    assert b" 403 " in await reader.readline()
    writer.close()


async def test_where_networks_are_named_this_machine_is_too_or_may_not_ask(ask: Ask) -> None:
    """So a proxy on this machine that marks nothing lets nobody in whom nobody named."""
    status, said = await (await ask("192.0.2.0/24")).probe("127.0.0.1:1")
    assert (status, "127.0.0.1/32" in said) == (403, True)
    assert (await (await ask("192.0.2.0/24", "127.0.0.1/32")).probe("127.0.0.1:1"))[0] == 200


async def test_this_machine_is_told_how_to_ask_when_it_is_not_known_again(ask: Ask) -> None:
    asked = await ask(everywhere=True)
    status, said = await asked.probe("127.0.0.1:1", Host="monitor.example.test")
    assert (status, "use 127.0.0.1 or localhost" in said) == (403, True)


async def test_a_stranger_of_an_allowed_network_does_not_reach_this_machine(ask: Ask) -> None:
    asked = await ask("127.0.0.0/8")
    async with serve_tcp(respond_with(http_response(b"ok"))) as port:
        for target in (f"127.0.0.1:{port}", f"localhost:{port}", f"[::ffff:127.0.0.1]:{port}"):
            status, page = await asked.probe(target, "http_2xx", **{"X-Forwarded-For": "192.0.2.1"})
            assert (status, value(page, "probe_success")) == (200, 0)
            assert 'reason="address_denied"' in page
        assert value((await asked.probe(f"127.0.0.1:{port}", "http_2xx"))[1], "probe_success") == 1


@pytest.mark.parametrize("first", ["operator", "stranger"])
async def test_a_modules_own_token_server_may_be_on_this_machine_whoever_asks(ask: Ask, first: str) -> None:
    asked, headers = await ask("127.0.0.0/8"), {"X-Forwarded-For": "192.0.2.1"}
    tokens = respond_with(http_response(b'{"access_token": "a-token-of-theirs", "expires_in": 3600}'))
    async with serve_tcp(tokens) as port, serve_tcp(respond_with(http_response(b"ok"))) as target:
        path = asked.box._path
        path.write_text(f"""
modules:
  it:
    prober: http
    http: {{oauth2: {{client_id: a, client_secret: b, token_url: "http://127.0.0.1:{port}/"}}}}
""")
        asked.box.look(asked.site.health, asked=True)
        if first == "operator":
            assert value((await asked.probe(f"127.0.0.1:{target}", "it"))[1], "probe_success") == 1
        page = (await asked.probe(f"127.0.0.1:{target}", "it", **headers))[1]
        assert 'reason="address_denied"' in page  # the target's, not the token server's: that is token_unavailable
        assert value((await asked.probe(f"127.0.0.1:{target}", "it"))[1], "probe_success") == 1


async def test_a_modules_own_proxy_may_be_on_this_machine_but_does_not_lead_a_stranger_to_it(ask: Ask) -> None:
    asked, headers = await ask("127.0.0.0/8"), {"X-Forwarded-For": "192.0.2.1"}
    names = dict.fromkeys(("target.test", "app.localhost"), "127.0.0.1")
    async with serve_tcp(Proxy(names)) as port, serve_tcp(respond_with(http_response(b"ok"))) as target:
        url = f"proxy_url: http://127.0.0.1:{port}, skip_resolve_phase_with_proxy: true"
        asked.box._path.write_text(f"modules: {{it: {{prober: http, http: {{{url}}}}}}}")
        asked.box.look(asked.site.health, asked=True)
        assert value((await asked.probe(f"target.test:{target}", "it", **headers))[1], "probe_success") == 1
        for own in ("localhost", "LocalHost.", "app.localhost", "localhost.localdomain", "ip6-localhost", "127.0.0.1"):
            page = (await asked.probe(f"{own}:{target}", "it", **headers))[1]
            assert 'reason="address_denied"' in page, own
        assert value((await asked.probe(f"localhost:{target}", "it"))[1], "probe_success") == 1


async def test_a_redirect_does_not_lead_a_stranger_to_this_machine(ask: Ask) -> None:
    """Nor anybody to a cloud's metadata."""
    asked = await ask()
    away = http_response(b"", "302 Found", Location="http://169.254.169.254/latest/meta-data/")
    async with serve_tcp(respond_with(away)) as port:
        page = (await asked.probe(f"127.0.0.1:{port}", "http_2xx"))[1]
    assert 'reason="address_denied"' in page


async def test_the_portfolios_policy_holds_for_probes_on_demand(ask: Ask) -> None:
    asked = await ask(outbound=OutboundBlock(deny=(ip_network("127.0.0.0/8"),)))
    async with serve_tcp(send_nothing) as port:
        assert 'reason="address_denied"' in (await asked.probe(f"127.0.0.1:{port}"))[1]


@pytest.mark.parametrize("headers", [{"Sec-Fetch-Site": "cross-site"}, {"Origin": "https://evil.test"}])
async def test_a_web_page_may_not_ask(ask: Ask, headers: dict[str, str]) -> None:
    assert (await (await ask("127.0.0.0/8")).probe("127.0.0.1:1", **headers))[0] == 403


async def test_a_name_that_was_pointed_here_may_not_ask(ask: Ask) -> None:
    assert (await (await ask()).probe("127.0.0.1:1", Host="evil.test"))[0] == 421


@pytest.mark.parametrize("method", ["HEAD", "POST", "PUT"])
async def test_only_get_is_answered(ask: Ask, method: str) -> None:
    found = await (await ask()).site.get("/probe?target=127.0.0.1:1&module=tcp", method)
    assert (found.status, found.raw.headers["Allow"]) == (405, "GET")
    said = "method not allowed; allowed: GET; this endpoint is read-only\n"
    assert found.text == ("" if method == "HEAD" else said)


async def test_it_says_that_it_is_healthy_as_there(site: RunningServer, ask: Ask) -> None:
    assert (await site.get("/-/healthy")).status == 404
    found = await (await ask()).site.get("/-/healthy")
    assert (found.status, found.text) == (200, "Healthy")


async def test_a_hostname_may_bear_a_port(ask: Ask) -> None:
    heads: list[bytes] = []

    async def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heads.append(await read_request(reader))
        writer.write(http_response(b"ok"))
        await writer.drain()

    asked = await ask()
    async with serve_tcp(take) as port:
        for name in ("forms.test:8443", "[::1]:8443", "forms.test"):
            found = await asked.site.get(f"/probe?target=127.0.0.1:{port}&hostname={name}")
            assert value(found.text, "probe_success") == 1
            assert f"\r\nHost: {name}\r\n".encode() in heads.pop()


async def test_a_time_out_that_is_not_said_is_as_good_as_none(ask: Ask) -> None:
    assert (await (await ask()).probe("127.0.0.1:1", **{"X-Prometheus-Scrape-Timeout-Seconds": ""}))[0] == 200


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("module=nosuch&target=a", 'Unknown module "nosuch"'),
        ("module=tcp", "Target parameter is missing"),
        ("target=127.0.0.1:1", None),  # http_2xx, unless said otherwise
        ("module=tcp&target=a%0ab:1", "too long or not printable"),
        ("module=named&target=a&hostname=two.test", "host header defined both"),
        ("module=tcp&target=a:1&hostname=a%0d%0aX:1", "neither a host name nor an IP address"),
    ],
)
async def test_what_is_no_question_is_refused(ask: Ask, query: str, said: str | None) -> None:
    asked = await ask()
    found = await asked.site.get(f"/probe?{query}")
    assert found.status == (200 if said is None else 400)
    assert (said or "probe_http_status_code") in found.text


@pytest.mark.parametrize("module", ["http_2xx", "tcp", "dns", "icmp", "grpc"])
async def test_what_is_no_target_fails_the_probe_and_is_no_defect(ask: Ask, module: str) -> None:
    asked = await ask()
    odd = ("..", "..:1", ":1", "http://", "//x", "127.1:1", "[v1.a]:1", "http://a:1:2", "*:1", "℀:1", "ä..ö", "a" * 300)
    for target in odd:
        status, page = await asked.probe(target, module)
        assert (status, value(page, "probe_success"), "probe_defect" in page) == (200, 0, False), target


async def test_unknown_modules_are_counted_under_the_name_that_is_known(ask: Ask) -> None:
    asked = await ask()
    asked.site.health.blackbox_reload_success, asked.site.health.blackbox_reload_at = True, 0
    await asked.probe("a", "nosuch")
    page = (await asked.site.get("/metrics")).text
    assert "\nblackbox_module_unknown_total 1.0\n" in page
    assert "\nblackbox_exporter_config_last_reload_successful 1.0\n" in page


@pytest.mark.parametrize("said", ["x", "nan", "-1", "1,5"])
async def test_a_time_out_that_is_no_number_is_refused(ask: Ask, said: str) -> None:
    found = await (await ask()).probe("127.0.0.1:1", **{"X-Prometheus-Scrape-Timeout-Seconds": said})
    assert found[0] == 400


async def test_the_scrapers_time_out_bounds_the_probe(ask: Ask) -> None:
    """The server never answers: without the bound, this would take the module's 5 s and say so."""
    asked = await ask()
    async with serve_tcp(send_nothing) as port:
        for _ in range(50):  # a busy machine may starve an attempt, which tells nothing of the deadline
            told = await asked.debug(f"127.0.0.1:{port}", "http_2xx", **{"X-Prometheus-Scrape-Timeout-Seconds": "0.6"})
            if "monitor_starved" not in told:
                break
    assert 'timeout="0.1s"' in told
    assert "not complete within 0.1 s" in told


async def test_more_than_can_be_under_way_are_sent_away(ask: Ask) -> None:
    asked = await ask()
    asked.box.in_flight = AT_ONCE
    found = await asked.site.get("/probe?target=127.0.0.1:1&module=tcp")
    assert (found.status, found.raw.headers["Retry-After"]) == (503, "1")
    asked.box.in_flight -= 1
    assert (await asked.probe("127.0.0.1:1"))[0] == 200
    assert asked.box.in_flight == AT_ONCE - 1


class Holding:
    """A server that says nothing, and tells who came and who went."""

    def __init__(self) -> None:
        self.came, self.went = asyncio.Event(), asyncio.Event()

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.came.set()
        while await reader.read(4096):
            pass
        self.went.set()


async def test_a_caller_who_hangs_up_ends_his_probe(ask: Ask) -> None:
    """The module would wait for two minutes."""
    asked, target = await ask(), Holding()
    where = urlsplit(asked.site.base)
    async with serve_tcp(target) as port, asyncio.timeout(30):
        _, writer = await asyncio.open_connection(where.hostname, where.port)
        path = f"/probe?module=named&target=127.0.0.1:{port}"
        writer.write(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        await target.came.wait()
        assert asked.box.in_flight == 1
        writer.close()
        await target.went.wait()
    assert asked.box.in_flight == 0


async def test_who_gives_up_waiting_for_his_turn_delays_nobody(ask: Ask) -> None:
    box, clock = (await ask()).box, ManualClock()
    box._clock = clock
    await box._turn()
    waiting = [asyncio.create_task(box._turn()) for _ in range(100)]
    await settle()
    for each in waiting:
        each.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)
    turn = asyncio.create_task(box._turn())
    await clock.advance(SPACING)
    assert turn.done()


async def test_one_caller_does_not_take_what_others_need(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blackbox, "SHARE", 1)
    asked, target = await ask("127.0.0.0/8"), Holding()
    async with serve_tcp(target) as port, asyncio.timeout(30):
        first = asyncio.create_task(asked.probe(f"127.0.0.1:{port}", "named"))
        await target.came.wait()
        assert (await asked.probe("127.0.0.1:1"))[0] == 503
        assert (await asked.probe("127.0.0.1:1", **{"X-Forwarded-For": "192.0.2.1"}))[0] == 200
        first.cancel()
        await target.went.wait()
        assert (await asked.probe("127.0.0.1:1"))[0] == 200


async def test_debug_tells_all_but_secrets(ask: Ask) -> None:
    """The server is an echo: what it hears of ours, it says."""
    seen: list[bytes] = []

    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await read_request(reader)
        seen.append(head + await reader.readexactly(len(f"token={CANARY}-3")))
        writer.write(http_response(seen[0], "500 Oh", X_Said=head.decode().split("X-Api-Key: ")[1].split("\r\n")[0]))
        await writer.drain()

    asked = await ask()
    async with serve_tcp(echo) as port:
        told = await asked.debug(f"http://caller:{CANARY}-5@127.0.0.1:{port}/path", "loaded")
    assert all(f"{CANARY}-{number}".encode() in seen[0] for number in (1, 3))
    assert CANARY not in told
    for part in ("Logs for the probe:", "Metrics that would have been returned:", "Module configuration:"):
        assert part in told
    assert 'outcome="bad" reason="http_status"' in told
    assert "probe_http_status_code 500" in told
    assert '"password": "<secret>"' in told


async def test_debug_hides_what_may_be_a_credential_though_nothing_marks_it(ask: Ask) -> None:
    """The server says it back, where the page would tell it, and where it would be cut in half."""

    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        said = (await read_request(reader)).decode().split("X-Session: ")[1].split("\r\n")[0]
        writer.write(http_response(b"", "302 Found", Location=f"/{'x' * 290}{said}"))
        await writer.drain()

    asked = await ask()
    async with serve_tcp(echo) as port:
        told = await asked.debug(f"127.0.0.1:{port}", "session")
    assert "following redirect" in told
    assert CANARY[:5] not in told
    assert '"X-Session": "<secret>"' in told


async def test_debug_of_a_talk_does_not_tell_what_is_sent(ask: Ask) -> None:
    async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"welcome <b>\x1b[31m\r\nhello\r\n")
        await reader.readline()

    asked = await ask()
    async with serve_tcp(greet) as port:
        told = await asked.debug(f"127.0.0.1:{port}", "talking")
    assert CANARY not in told
    assert 'line="welcome <b>·[31m" expected="False"' in told
    assert 'line="hello" expected="True"' in told
    assert 'outcome="good"' in told


async def test_keys_of_later_versions_do_what_they_do_there(ask: Ask) -> None:
    """What was caught becomes labels, and bytes are held against bytes."""
    asked = await ask()
    ssh, mail = send_on_connect(b"SSH-2.0-Open_9.2 Debian\r\n"), send_on_connect(b"220 mail")
    async with serve_tcp(ssh) as port, serve_tcp(mail) as other:
        labelled = (await asked.probe(f"127.0.0.1:{port}", "labelled"))[1]
        exact = (await asked.probe(f"127.0.0.1:{port}", "exactly"))[1]
        wrong = (await asked.probe(f"127.0.0.1:{other}", "exactly"))[1]
    assert 'probe_expect_info{note="Debian",version="Open_9.2"} 1' in labelled
    assert (value(exact, "probe_success"), value(exact, "probe_failed_due_to_bytes")) == (1, 0)
    assert (value(wrong, "probe_success"), value(wrong, "probe_failed_due_to_bytes")) == (0, 1)


@pytest.mark.parametrize(("addresses", "good"), [(["127.0.0.2", "127.0.0.1"], 0), (["127.0.0.1", "127.0.0.2"], 1)])
@pytest.mark.parametrize("module", ["http_2xx", "tcp"])
async def test_the_first_address_is_probed_and_no_other(
    addresses: list[str],
    good: int,
    module: str,
    publish: Callable[..., Awaitable[RunningServer]],
    tmp_path: Path,
) -> None:
    """As blackbox_exporter does; the daemon's own checks try the others, too."""
    path = tmp_path / "blackbox.yml"
    path.write_text(MODULES)
    resolver = resolver_for("several.test", addresses, tmp_path)
    async with (
        serve_tcp(respond_with(http_response(b"ok"))) as port,  # on 127.0.0.1 alone
        probe_environment(SystemClock(), Health(), resolver) as (runner, pulse),
    ):
        pulse.stalled = lambda: 0.0  # type: ignore[method-assign]
        box = Blackbox(path, SystemClock())
        asked = Asked(await publish(small_ledger(), SystemClock(), probes=Probes(box, runner, ())), box)
        _, page = await asked.probe(f"several.test:{port}", module)
    assert value(page, "probe_success") == good
