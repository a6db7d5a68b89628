"""Compare blackbox_exporter and /probe on good and bad servers: verdicts, metrics, labels and values must be equal.

Only the differences in `monitor.blackbox.differences` are allowed. A pair with a difference must show it.
"""

from __future__ import annotations

import json
import re
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

import pytest

from monitor.blackbox.differences import DIFFERENCES, MODULE_FILE, SERVICE
from monitor.blackbox.metrics import OUTCOME
from monitor.blackbox.modules import ModuleFile
from monitor.config.block_file import load_block
from monitor.config.errors import ConfigError
from tests.monitor.probes.test_icmp import ALLOWED, needs_namespaces, run_isolated
from tests.support.blackbox_comparison import BothExporters, Page, both_exporters
from tests.support.blackbox_targets import serving_targets
from tests.support.processes import fetch, needs, wait_for

pytestmark = [pytest.mark.slow, needs("prometheus-blackbox-exporter")]

MODULES = Path(__file__).parents[1] / "support/blackbox.yml"


# Differences that no pair shows, because they concern module files or callers, or are too expensive to show.
UNSHOWN = {
    *MODULE_FILE,
    *SERVICE,
    *(
        "unknown",
        "lines",
        "timeout",
        "tls",
        "proxy",
        "tokens",
        "records",
        "regex",
    ),
}
NO_NAME = f"{'x' * 64}.test"  # a label that is too long for a DNS query, so that no query leaves this machine
DURATIONS = re.compile(r"\w*duration_seconds|probe_dns_lookup_time_seconds")


class Pair(NamedTuple):
    """A module, a target (`{name}` is a server's port), blackbox_exporter's verdict, and the difference of /probe, if
    any.

    `turns` is true if the difference reverses the verdict.
    """

    module: str
    target: str
    good: bool
    differs: str = ""
    hangs: bool = False
    turns: bool = False

    def __str__(self) -> str:
        return f"{self.module} {self.target}"


def pairs_with_servers(good: bool, module: str, servers: str, scheme: str = "", *, hangs: bool = False) -> list[Pair]:
    """Return pairs of one module and several servers; `hangs` is true if the probe may run into its timeout."""
    return [Pair(module, f"{scheme}127.0.0.1:{{{server}}}", good, "", hangs) for server in servers.split()]


def pairs_with_modules(good: bool, modules: str, target: str) -> list[Pair]:
    """Return pairs of several modules and one target."""
    return [Pair(module, target, good) for module in modules.split()]


HTTP = [
    *pairs_with_servers(True, "http_2xx", "good moved chunked gzip old no-content early-hints"),
    *pairs_with_servers(False, "http_2xx", "error missing loop nowhere off locked cut garbage empty"),
    *pairs_with_servers(False, "http_2xx", "closed-port to-tls tls"),
    *pairs_with_servers(False, "http_2xx", "mute slow-body", hangs=True),
    *pairs_with_modules(
        True, "http_ip4 http_no_follow http_any_status http_body_good http_body_has", "127.0.0.1:{good}"
    ),
    *pairs_with_modules(False, "http_ip6_only http_body_bad http_body_lacks http_header_bad", "127.0.0.1:{good}"),
    *pairs_with_modules(
        True, "http_header_good http_header_may_lack http_head http_size_enough http_version", "127.0.0.1:{good}"
    ),
    *pairs_with_modules(
        False, "http_header_lacks http_header_missing http_size http_only_2 http_ssl", "127.0.0.1:{good}"
    ),
    *pairs_with_modules(True, "http_no_ssl", "127.0.0.1:{good}"),
    *pairs_with_modules(True, "http_302 http_any_status", "127.0.0.1:{loop}"),
    *pairs_with_servers(True, "http_any_status", "error"),
    *pairs_with_servers(True, "http_head", "moved"),
    *pairs_with_servers(True, "http_post", "poster"),
    *pairs_with_servers(True, "http_put", "putter"),
    *pairs_with_modules(True, "http_basic http_authorization", "127.0.0.1:{locked}"),
    *pairs_with_modules(False, "http_basic_wrong", "127.0.0.1:{locked}"),
    Pair("http_2xx", "http://user:password@127.0.0.1:{locked}/", True),
    Pair("http_ip4", "http://localhost:{good}/path?query=a%20b", True),
    *pairs_with_modules(True, "http_proxy http_proxy_skip http_proxy_password", "127.0.0.1:{good}"),
    *pairs_with_servers(False, "http_proxy_none", "good"),
    *pairs_with_modules(True, "http_bearer http_oauth2", "127.0.0.1:{locked}"),
    *pairs_with_servers(False, "http_oauth2_refused", "locked"),
    *pairs_with_servers(True, "http_gzip", "gzip"),
    *pairs_with_servers(False, "http_gzip", "bad-gzip good"),
    Pair("http_2xx", "http://[::1", False),
    Pair("http_2xx", f"http://{NO_NAME}/", False, "bad_target"),
    *pairs_with_servers(True, "http_2xx", "long"),
    Pair("http_body_end", "127.0.0.1:{long}", True, "bodies", turns=True),
    Pair("http_2xx", "127.0.0.1:{known}", True, "agent", turns=True),
    Pair("http_302", "127.0.0.1:{moved}", True, "unfollowed"),
    Pair("http_302_body", "127.0.0.1:{moved}", False, "unfollowed", turns=True),
    Pair("http_deflate", "127.0.0.1:{deflate}", False, "deflate", turns=True),
    Pair("http_2xx", "http://127.0.0.1:99999/", False, "bad_target"),
    Pair("http_2xx", "127.0.0.1:{line-feeds}", True, "strict", turns=True),
    Pair("http_2xx", "127.0.0.1:{two-lengths}", True, "strict", turns=True),
    *pairs_with_modules(False, "http_header_busy http_header_idle", "127.0.0.1:{twice}"),
    *pairs_with_modules(True, "http_header_both", "127.0.0.1:{twice}"),
    *pairs_with_modules(
        True, "http_versions http_ipv4 http_ipv4_again http_ipv4_merged http_ipv6 http_statuses", "127.0.0.1:{good}"
    ),
    *pairs_with_modules(True, "http_odd http_negative", "127.0.0.1:{good}"),
    *pairs_with_modules(False, "http_version_none http_status_none", "127.0.0.1:{good}"),
    *(
        Pair("http_2xx", f"http://127.0.0.1:{{good}}/{path}", True)
        for path in ("a%20b", "a b", "a|b", "?q=%zz", "%C3%BC")
    ),
    *(Pair("http_2xx", f"http://127.0.0.1:{{good}}/{path}", False) for path in ("%zz", "a%2", "%", "#%zz")),
    *(Pair("http_2xx", f"http://{host}/", False) for host in ("%zz", "a b", "u:%zz@127.0.0.1:{good}", "a|b", "a^b")),
    *pairs_with_servers(False, "http_2xx", "bad-location"),
]
HTTPS = [
    *pairs_with_servers(True, "http_ca", "to-tls"),
    *pairs_with_servers(True, "http_proxy", "tls", "https://"),
    *pairs_with_servers(True, "http_ca", "tls tls-old http2", "https://"),
    *pairs_with_servers(False, "http_ca", "self-signed expired wrong-name", "https://"),
    *pairs_with_servers(False, "http_ca", "good mute", "https://", hangs=True),
    *pairs_with_servers(True, "http_insecure", "self-signed expired wrong-name", "https://"),
    *pairs_with_modules(True, "http_ssl http_tls13", "https://127.0.0.1:{tls}/"),
    *pairs_with_modules(False, "http_no_ssl http_2xx", "https://127.0.0.1:{tls}/"),
    *pairs_with_servers(True, "http_sni", "wrong-name", "https://"),
    *pairs_with_servers(False, "http_tls13", "tls-old", "https://"),
    *pairs_with_servers(True, "http_only_2", "http2", "https://"),
    *pairs_with_servers(True, "http_no_http2", "http2", "https://"),
    *pairs_with_servers(True, "http_certificate", "mutual", "https://"),
    *pairs_with_servers(False, "http_ca", "mutual", "https://"),
]
TCP = [
    *pairs_with_modules(True, "tcp tcp_ip4", "127.0.0.1:{good}"),
    *pairs_with_servers(False, "tcp", "closed-port"),
    *(Pair("tcp", target, False) for target in ("127.0.0.1", f"{NO_NAME}:1")),
    Pair("tcp_ip4", "localhost:{good}", True),
    *pairs_with_servers(True, "tcp_talk", "talk"),
    *pairs_with_servers(False, "tcp_talk", "curt"),
    *pairs_with_servers(False, "tcp_other", "curt"),
    *pairs_with_servers(False, "tcp_other", "talk", hangs=True),
    *pairs_with_servers(True, "tcp_220", "talk unfinished"),
    *pairs_with_servers(False, "tcp_220", "empty"),
    *pairs_with_servers(False, "tcp_220", "mute lines", hangs=True),
    *pairs_with_servers(True, "tcp_ssh", "ssh"),
    *pairs_with_servers(True, "tcp_starttls", "starttls"),
    *pairs_with_servers(False, "tcp_starttls", "talk"),
    *pairs_with_servers(True, "tcp_tls", "tls"),
    *pairs_with_servers(False, "tcp_tls", "self-signed expired"),
    *pairs_with_servers(False, "tcp_tls", "good mute", hangs=True),
    *pairs_with_servers(True, "tcp_tls_talk", "tls-talk"),
    *pairs_with_servers(True, "tcp_insecure", "self-signed expired"),
    Pair("tcp_starttls", "127.0.0.1:{injected}", True, "starttls_injected", turns=True),
]
DNS = [
    *pairs_with_servers(True, "dns", "zone no-records sections"),
    *pairs_with_servers(False, "dns", "nxdomain servfail closed-port"),
    *pairs_with_servers(False, "dns", "other-id no-dns no-answer", hangs=True),
    *pairs_with_modules(True, "dns_soa dns_tcp dns_has dns_one dns_all dns_no_recursion", "127.0.0.1:{zone}"),
    *pairs_with_modules(False, "dns_nx dns_has_not dns_bad dns_none dns_not_all", "127.0.0.1:{zone}"),
    *pairs_with_servers(True, "dns_nx", "nxdomain"),
    *pairs_with_servers(False, "dns_soa", "nxdomain"),
    *pairs_with_servers(False, "dns_tcp", "closed-port"),
    *pairs_with_servers(True, "dns_bad", "no-records"),
    *pairs_with_servers(True, "dns_all", "no-records"),
    *pairs_with_servers(False, "dns_has", "no-records"),
    *pairs_with_servers(False, "dns_none", "no-records"),
    *pairs_with_servers(False, "dns_sections", "sections"),
    *pairs_with_servers(True, "dns_tls", "zone-tls"),
    Pair("dns", NO_NAME, False),
    *pairs_with_servers(True, "dns_bare", "zone"),
    Pair("dns", "127.0.0.1:{truncated}", True, "truncated"),
    Pair("dns_has", "127.0.0.1:{truncated}", False, "truncated", turns=True),
]
GRPC = [
    *pairs_with_servers(True, "grpc_plain", "grpc"),
    *pairs_with_servers(False, "grpc_plain", "grpc-bare closed-port good empty"),
    *pairs_with_modules(False, "grpc_orders grpc_nothing", "127.0.0.1:{grpc}"),
    *pairs_with_modules(True, "grpc_tls grpc_insecure", "127.0.0.1:{grpc-tls}"),
    *pairs_with_modules(False, "grpc_tls_orders grpc_untrusted", "127.0.0.1:{grpc-tls}"),
    *pairs_with_servers(False, "grpc_tls", "grpc"),
    Pair("grpc_plain", f"{NO_NAME}:1", False),
    Pair("grpc", "127.0.0.1:{grpc}", False, "grpc_default", turns=True),
]
ICMP = [Pair("icmp", NO_NAME, False)]
PAIRS = [*HTTP, *HTTPS, *TCP, *DNS, *GRPC, *ICMP]


@pytest.fixture(scope="module")
def exporters_and_ports(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[BothExporters, dict[str, int]]]:
    """Run both exporters, and yield them with the servers' ports."""
    folder = tmp_path_factory.mktemp("blackbox")
    with ExitStack() as stack:
        ports = stack.enter_context(serving_targets(folder))
        modules = MODULES.read_text().replace("FOLDER", str(folder))
        for name, port in ports.items():
            modules = modules.replace(f"{{{name}}}", str(port))
        yield stack.enter_context(both_exporters(folder, modules)), ports


def comparable_value(name: str, value: float) -> float:
    """Return the value, or for a duration only whether it is positive."""
    return value > 0 if DURATIONS.fullmatch(name) else value


def differing_metrics(reference_page: Page, page: Page) -> set[str]:
    """Return the names of the metrics that differ. Durations are compared only by whether they are positive."""
    first, second = reference_page.samples, page.samples
    return {
        name
        for name, labels in first.keys() | second.keys()
        if ((name, labels) in first) is not ((name, labels) in second)
        or comparable_value(name, first[name, labels]) != comparable_value(name, second[name, labels])
    }


@pytest.mark.parametrize("pair", PAIRS, ids=str)
def test_both_exporters_return_the_same_metrics(
    exporters_and_ports: tuple[BothExporters, dict[str, int]], pair: Pair
) -> None:
    exporters, ports = exporters_and_ports
    blackbox, ninewatch = exporters.probe(pair.module, pair.target.format(**ports), 1.5 if pair.hangs else 0)
    assert blackbox.value("probe_success") == pair.good, blackbox.text
    assert ninewatch.value("probe_success") == (pair.good is not pair.turns), ninewatch.text
    differing = differing_metrics(blackbox, ninewatch) - {OUTCOME}
    if pair.differs:
        assert differing, f"there is no difference any more; remove {pair.differs}"
        assert differing <= set(DIFFERENCES[pair.differs].metrics), ninewatch.text
    else:
        assert differing == set(), f"{blackbox.text}\n{ninewatch.text}"
        assert blackbox.types == {name: kind for name, kind in ninewatch.types.items() if name != OUTCOME}


@pytest.mark.parametrize("name", sorted({pair.differs for pair in PAIRS} - {""}))
def test_every_metric_of_a_listed_difference_differs_in_a_pair(
    exporters_and_ports: tuple[BothExporters, dict[str, int]], name: str
) -> None:
    exporters, ports = exporters_and_ports
    pairs = [exporters.probe(pair.module, pair.target.format(**ports)) for pair in PAIRS if pair.differs == name]
    assert set().union(*(differing_metrics(*pages) for pages in pairs)) - {OUTCOME} == set(DIFFERENCES[name].metrics)


def test_every_listed_difference_is_shown_by_a_pair() -> None:
    assert {pair.differs for pair in PAIRS} | UNSHOWN | {"icmp"} == {*DIFFERENCES, ""}


# Module text -> the difference of `MODULE_FILE` that it shows; empty where both exporters accept or both reject it.
MODULE_TEXTS = {
    **dict.fromkeys(
        (
            "{prober: http, http: {valid_http_versions: [HTTP/1.1, HTTP/2]}}",
            "{prober: http, http: {preferred_ip_protocol: ipv4}}",
            "{prober: http, http: {valid_status_codes: [200, 2000]}}",
            "{prober: http, http: {headers: {X: 1.5, Y: true}, body: 1.5}}",
            "{prober: http, http: {body_size_limit: 1MB512KB}}",
            "{prober: http, http: {proxy_url: ''}}",
            "{prober: http, http: {tls_config: {ca_file: ''}}}",
            "{prober: http, timeout: -5s}",
            "{prober: http, timeout: 1h30m}",
            "{prober: http, timeout: 5}",
            "{prober: dns}",
            "{prober: dns, dns: {query_name: a, query_type: '', query_class: '', transport_protocol: ''}}",
            "{prober: dns, dns: {query_name: ''}}",
            "{prober: dns, dns: {query_name: a, query_type: AX}}",
            "{prober: icmp, icmp: {ttl: 256}}",
            "{prober: http, http: {compression: gzip, headers: {Accept-Encoding: br}}}",
            "{prober: http, http: {compression: gzip, headers: {Accept-Encoding: '*;q=0.5, br'}}}",
            "{prober: http, http: {authorization: {type: Basic, credentials: a}}}",
            "{prober: http, http: {fail_if_header_matches: [{header: A, regexp: ''}]}}",
            "{prober: http, http: {basic_auth: {username: a}, bearer_token: b}}",
            "{prober: http, http: {proxy_url: 'http://%zz'}}",
            "{prober: http, http: {no_such_key: 1}}",
            "{prober: tcp, tcp: {query_response: [{expect: '('}]}}",
        ),
        "",
    ),
    "{prober: http, http: {compression: br}}": "values",
    "{prober: http, http: {proxy_url: 'socks5://p:1'}}": "values",
    "{prober: http, http: {compression: GZIP}}": "early",
    "{prober: http, http: {method: G T}}": "early",
    "{prober: nosuch}": "early",
    "{prober: dns, dns: {query_name: a, valid_rcodes: [NOEROR]}}": "early",
    "{prober: dns, dns: {query_name: a, transport_protocol: UDP}}": "early",
    "{prober: tcp, tcp: {source_ip_address: here}}": "early",
    "{prober: http, http: {bearer_token_file: /nonexistent}}": "paths",
    "{prober: http, http: {authorization: {type: a b, credentials: c}}}": "scheme",
    "{prober: grpc, grpc: {metadata: {a: [b]}}}": "later",
    "{prober: dns, dns: {query_name: a, query_type: TYPE65}}": "later",
}


@pytest.mark.parametrize("text", MODULE_TEXTS)
def test_module_is_accepted_or_rejected_as_by_blackbox_exporter(text: str, tmp_path: Path) -> None:
    """The listed differences are exceptions; each exception must show."""
    path = tmp_path / "blackbox.yml"
    path.write_text(f"modules: {{it: {text}}}")
    reference = subprocess.run(
        ["prometheus-blackbox-exporter", "--config.check", f"--config.file={path}"], capture_output=True, check=False
    )
    try:
        accepted = bool(load_block(path, ModuleFile))
    except ConfigError:
        accepted = False
    assert ((reference.returncode == 0) is not accepted) is bool(MODULE_TEXTS[text]), reference.stderr
    assert not MODULE_TEXTS[text] or MODULE_TEXTS[text] in MODULE_FILE


@pytest.mark.parametrize(("module", "target"), [("nosuch", "127.0.0.1"), ("tcp", ""), ("http_sni", "")])
def test_invalid_request_is_rejected_with_the_same_message(
    exporters_and_ports: tuple[BothExporters, dict[str, int]], module: str, target: str
) -> None:
    exporters, _ = exporters_and_ports
    reference_response, response = (
        fetch(f"{base}/probe?module={module}&target={target}")
        for base in (exporters.exporter_url, exporters.ninewatch_url)
    )
    assert reference_response[0] == response[0] == 400
    assert response[1].startswith(reference_response[1].rstrip())


def test_both_exporters_send_the_hostname_parameter_to_an_https_server(
    exporters_and_ports: tuple[BothExporters, dict[str, int]],
) -> None:
    exporters, ports = exporters_and_ports
    blackbox, ninewatch = exporters.probe("http_ca", f"https://127.0.0.1:{ports['wrong-name']}", hostname="other.test")
    assert blackbox.value("probe_success") == ninewatch.value("probe_success") == 1
    assert differing_metrics(blackbox, ninewatch) == {OUTCOME}


def test_only_ninewatch_sends_the_hostname_parameter_of_a_tcp_module(
    exporters_and_ports: tuple[BothExporters, dict[str, int]],
) -> None:
    exporters, ports = exporters_and_ports
    blackbox, ninewatch = exporters.probe("tcp_tls", f"127.0.0.1:{ports['wrong-name']}", hostname="other.test")
    assert (blackbox.value("probe_success"), ninewatch.value("probe_success")) == (0, 1)


def test_debug_output_and_log_hide_secrets_of_modules(
    exporters_and_ports: tuple[BothExporters, dict[str, int]],
) -> None:
    exporters, ports = exporters_and_ports
    for module in ("http_basic", "http_authorization", "http_bearer", "http_oauth2", "http_proxy_password"):
        status, debug_page = fetch(
            f"{exporters.ninewatch_url}/probe?module={module}&target=127.0.0.1:{ports['locked']}&debug=true"
        )
        assert status == 200
        assert b"Module configuration:" in debug_page
        assert not [secret for secret in (b":password", b"letmein", b"sesame") if secret in debug_page], debug_page
    log = exporters.daemon.log.read_text()
    assert "Traceback" not in log
    assert not [secret for secret in ("letmein", "sesame", "dXNlcjpwYXNzd29yZA") if secret in log]


def test_sighup_loads_a_valid_file_and_keeps_the_modules_on_an_invalid_one(tmp_path: Path) -> None:
    name = "blackbox_exporter_config_last_reload_successful"

    def reload_success_is(success: int) -> bool:
        return f"\n{name} {success}.0\n" in fetch(f"{exporters.ninewatch_url}/metrics")[1].decode()

    def module_exists(module: str) -> bool:
        return fetch(f"{exporters.ninewatch_url}/probe?module={module}&target=127.0.0.1:1")[0] == 200

    with both_exporters(tmp_path, "modules: {one: {prober: tcp}}") as exporters:
        assert reload_success_is(1)
        exporters.modules.write_text("modules: {one: {prober: tcp, timout: 1s}}")
        exporters.daemon.process.send_signal(signal.SIGHUP)
        wait_for("the rejected reload", lambda: reload_success_is(0))
        assert module_exists("one")
        assert exporters.daemon.find_in_log(r"(did you mean timeout\?)")
        exporters.modules.write_text("modules: {two: {prober: tcp}}")
        exporters.daemon.process.send_signal(signal.SIGHUP)
        wait_for("the new module", lambda: module_exists("two"))
        assert (module_exists("one"), reload_success_is(1)) == (False, True)


@needs_namespaces
def test_icmp_probes_are_equal_where_pings_are_permitted(tmp_path: Path) -> None:
    """Runs in its own network namespace, in which every user may send pings."""
    (tmp_path / "modules.yml").write_text(
        "modules: {icmp: {prober: icmp, timeout: 1s}, big: {prober: icmp, timeout: 1s, icmp: {payload_size: 1000}},"
        " near: {prober: icmp, timeout: 1s, icmp: {ttl: 1, source_ip_address: 127.0.0.9}}}"
    )
    probes = ["icmp 127.0.0.1", "icmp ::1", "big 127.0.0.1", "near 127.0.0.1", "icmp 192.0.2.9"]
    command = shlex.join([sys.executable, "-m", "tests.support.blackbox_comparison", str(tmp_path), *probes])
    result = run_isolated(f"{ALLOWED} {command}")
    assert result.returncode == 0, result.stderr
    success_values = []
    for probe, (blackbox, ninewatch) in zip(probes, json.loads(result.stdout), strict=True):
        assert differing_metrics(Page(blackbox), Page(ninewatch)) == {OUTCOME}, f"{probe}\n{blackbox}\n{ninewatch}"
        success_values.append(Page(ninewatch).value("probe_success"))
    assert success_values == [1, 1, 1, 1, 0]
