"""blackbox_exporter and /probe side by side over good and bad servers: the same verdicts, metrics, labels and values.

What may differ is in `monitor.blackbox.differences`, and nothing else: a pair that names a difference must show it.
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
from tests.monitor.probes.test_icmp import ALLOWED, isolated, possible
from tests.support.blackbox_comparison import BothExporters, Page, both_exporters
from tests.support.blackbox_targets import serving_targets
from tests.support.processes import fetch, needs, wait_for

pytestmark = [pytest.mark.slow, needs("prometheus-blackbox-exporter")]

MODULES = Path(__file__).parents[1] / "support/blackbox.yml"


# Differences that no pair shows: of files, of callers, and what would take too long or too much to show.
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
NO_NAME = f"{'x' * 64}.test"  # a label too long to be asked for, so that nobody outside this machine is
DURATIONS = re.compile(r"\w*duration_seconds|probe_dns_lookup_time_seconds")


class Pair(NamedTuple):
    """A module, a target (`{name}` is a server's port), whether blackbox_exporter finds it good, how we differ.

    `turns` is whether our verdict is another.
    """

    module: str
    target: str
    good: bool
    differs: str = ""
    hangs: bool = False
    turns: bool = False

    def __str__(self) -> str:
        return f"{self.module} {self.target}"


def over(good: bool, module: str, servers: str, scheme: str = "", *, hangs: bool = False) -> list[Pair]:
    """Pairs of one module and several servers, which may leave it hanging."""
    return [Pair(module, f"{scheme}127.0.0.1:{{{server}}}", good, "", hangs) for server in servers.split()]


def by(good: bool, modules: str, target: str) -> list[Pair]:
    """Pairs of several modules and one target."""
    return [Pair(module, target, good) for module in modules.split()]


HTTP = [
    *over(True, "http_2xx", "good moved chunked gzip old no-content early-hints"),
    *over(False, "http_2xx", "error missing loop nowhere off locked cut garbage empty nobody to-tls tls"),
    *over(False, "http_2xx", "mute slow-body", hangs=True),
    *by(True, "http_ip4 http_no_follow http_any_status http_body_good http_body_has", "127.0.0.1:{good}"),
    *by(False, "http_ip6_only http_body_bad http_body_lacks http_header_bad", "127.0.0.1:{good}"),
    *by(True, "http_header_good http_header_may_lack http_head http_size_enough http_version", "127.0.0.1:{good}"),
    *by(False, "http_header_lacks http_header_missing http_size http_only_2 http_ssl", "127.0.0.1:{good}"),
    *by(True, "http_no_ssl", "127.0.0.1:{good}"),
    *by(True, "http_302 http_any_status", "127.0.0.1:{loop}"),
    *over(True, "http_any_status", "error"),
    *over(True, "http_head", "moved"),
    *over(True, "http_post", "poster"),
    *over(True, "http_put", "putter"),
    *by(True, "http_basic http_authorization", "127.0.0.1:{locked}"),
    *by(False, "http_basic_wrong", "127.0.0.1:{locked}"),
    Pair("http_2xx", "http://user:password@127.0.0.1:{locked}/", True),
    Pair("http_ip4", "http://localhost:{good}/path?query=a%20b", True),
    *by(True, "http_proxy http_proxy_skip http_proxy_password", "127.0.0.1:{good}"),
    *over(False, "http_proxy_none", "good"),
    *by(True, "http_bearer http_oauth2", "127.0.0.1:{locked}"),
    *over(False, "http_oauth2_refused", "locked"),
    *over(True, "http_gzip", "gzip"),
    *over(False, "http_gzip", "bad-gzip good"),
    Pair("http_2xx", "http://[::1", False),
    Pair("http_2xx", f"http://{NO_NAME}/", False, "bad_target"),
    *over(True, "http_2xx", "long"),
    Pair("http_body_end", "127.0.0.1:{long}", True, "bodies", turns=True),
    Pair("http_2xx", "127.0.0.1:{known}", True, "agent", turns=True),
    Pair("http_302", "127.0.0.1:{moved}", True, "unfollowed"),
    Pair("http_302_body", "127.0.0.1:{moved}", False, "unfollowed", turns=True),
    Pair("http_deflate", "127.0.0.1:{deflate}", False, "deflate", turns=True),
    Pair("http_2xx", "http://127.0.0.1:99999/", False, "bad_target"),
    Pair("http_2xx", "127.0.0.1:{line-feeds}", True, "strict", turns=True),
    Pair("http_2xx", "127.0.0.1:{two-lengths}", True, "strict", turns=True),
    *by(False, "http_header_busy http_header_idle", "127.0.0.1:{twice}"),
    *by(True, "http_header_both", "127.0.0.1:{twice}"),
    *by(True, "http_versions http_ipv4 http_ipv4_again http_ipv4_merged http_ipv6 http_statuses", "127.0.0.1:{good}"),
    *by(True, "http_odd http_negative", "127.0.0.1:{good}"),
    *by(False, "http_version_none http_status_none", "127.0.0.1:{good}"),
    *(
        Pair("http_2xx", f"http://127.0.0.1:{{good}}/{path}", True)
        for path in ("a%20b", "a b", "a|b", "?q=%zz", "%C3%BC")
    ),
    *(Pair("http_2xx", f"http://127.0.0.1:{{good}}/{path}", False) for path in ("%zz", "a%2", "%", "#%zz")),
    *(Pair("http_2xx", f"http://{host}/", False) for host in ("%zz", "a b", "u:%zz@127.0.0.1:{good}", "a|b", "a^b")),
    *over(False, "http_2xx", "bad-location"),
]
HTTPS = [
    *over(True, "http_ca", "to-tls"),
    *over(True, "http_proxy", "tls", "https://"),
    *over(True, "http_ca", "tls tls-old http2", "https://"),
    *over(False, "http_ca", "self-signed expired wrong-name", "https://"),
    *over(False, "http_ca", "good mute", "https://", hangs=True),
    *over(True, "http_insecure", "self-signed expired wrong-name", "https://"),
    *by(True, "http_ssl http_tls13", "https://127.0.0.1:{tls}/"),
    *by(False, "http_no_ssl http_2xx", "https://127.0.0.1:{tls}/"),
    *over(True, "http_sni", "wrong-name", "https://"),
    *over(False, "http_tls13", "tls-old", "https://"),
    *over(True, "http_only_2", "http2", "https://"),
    *over(True, "http_no_http2", "http2", "https://"),
    *over(True, "http_certificate", "mutual", "https://"),
    *over(False, "http_ca", "mutual", "https://"),
]
TCP = [
    *by(True, "tcp tcp_ip4", "127.0.0.1:{good}"),
    *over(False, "tcp", "nobody"),
    *(Pair("tcp", target, False) for target in ("127.0.0.1", f"{NO_NAME}:1")),
    Pair("tcp_ip4", "localhost:{good}", True),
    *over(True, "tcp_talk", "talk"),
    *over(False, "tcp_talk", "curt"),
    *over(False, "tcp_other", "curt"),
    *over(False, "tcp_other", "talk", hangs=True),
    *over(True, "tcp_220", "talk unfinished"),
    *over(False, "tcp_220", "empty"),
    *over(False, "tcp_220", "mute lines", hangs=True),
    *over(True, "tcp_ssh", "ssh"),
    *over(True, "tcp_starttls", "starttls"),
    *over(False, "tcp_starttls", "talk"),
    *over(True, "tcp_tls", "tls"),
    *over(False, "tcp_tls", "self-signed expired"),
    *over(False, "tcp_tls", "good mute", hangs=True),
    *over(True, "tcp_tls_talk", "tls-talk"),
    *over(True, "tcp_insecure", "self-signed expired"),
    Pair("tcp_starttls", "127.0.0.1:{injected}", True, "starttls_injected", turns=True),
]
DNS = [
    *over(True, "dns", "zone no-records sections"),
    *over(False, "dns", "nxdomain servfail nobody"),
    *over(False, "dns", "other-id no-dns no-answer", hangs=True),
    *by(True, "dns_soa dns_tcp dns_has dns_one dns_all dns_no_recursion", "127.0.0.1:{zone}"),
    *by(False, "dns_nx dns_has_not dns_bad dns_none dns_not_all", "127.0.0.1:{zone}"),
    *over(True, "dns_nx", "nxdomain"),
    *over(False, "dns_soa", "nxdomain"),
    *over(False, "dns_tcp", "nobody"),
    *over(True, "dns_bad", "no-records"),
    *over(True, "dns_all", "no-records"),
    *over(False, "dns_has", "no-records"),
    *over(False, "dns_none", "no-records"),
    *over(False, "dns_sections", "sections"),
    *over(True, "dns_tls", "zone-tls"),
    Pair("dns", NO_NAME, False),
    *over(True, "dns_bare", "zone"),
    Pair("dns", "127.0.0.1:{truncated}", True, "truncated"),
    Pair("dns_has", "127.0.0.1:{truncated}", False, "truncated", turns=True),
]
GRPC = [
    *over(True, "grpc_plain", "grpc"),
    *over(False, "grpc_plain", "grpc-bare nobody good empty"),
    *by(False, "grpc_orders grpc_nothing", "127.0.0.1:{grpc}"),
    *by(True, "grpc_tls grpc_insecure", "127.0.0.1:{grpc-tls}"),
    *by(False, "grpc_tls_orders grpc_untrusted", "127.0.0.1:{grpc-tls}"),
    *over(False, "grpc_tls", "grpc"),
    Pair("grpc_plain", f"{NO_NAME}:1", False),
    Pair("grpc", "127.0.0.1:{grpc}", False, "grpc_default", turns=True),
]
ICMP = [Pair("icmp", NO_NAME, False)]
PAIRS = [*HTTP, *HTTPS, *TCP, *DNS, *GRPC, *ICMP]


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[BothExporters, dict[str, int]]]:
    """The two, and the servers' ports."""
    folder = tmp_path_factory.mktemp("blackbox")
    with ExitStack() as stack:
        ports = stack.enter_context(serving_targets(folder))
        modules = MODULES.read_text().replace("FOLDER", str(folder))
        for name, port in ports.items():
            modules = modules.replace(f"{{{name}}}", str(port))
        yield stack.enter_context(both_exporters(folder, modules)), ports


def told(name: str, value: float) -> float:
    """What of a value can be compared."""
    return value > 0 if DURATIONS.fullmatch(name) else value


def differing(theirs: Page, ours: Page) -> set[str]:
    """The metrics that are not the same in both; of how long something took, only whether it took any time."""
    one, other = theirs.samples, ours.samples
    return {
        name
        for name, labels in one.keys() | other.keys()
        if ((name, labels) in one) is not ((name, labels) in other)
        or told(name, one[name, labels]) != told(name, other[name, labels])
    }


@pytest.mark.parametrize("pair", PAIRS, ids=str)
def test_a_pair_gives_the_same_verdict_metrics_labels_and_values(
    shown: tuple[BothExporters, dict[str, int]], pair: Pair
) -> None:
    two, ports = shown
    theirs, ours = two.probe(pair.module, pair.target.format(**ports), 1.5 if pair.hangs else 0)
    assert theirs.value("probe_success") == pair.good, theirs.text
    assert ours.value("probe_success") == (pair.good is not pair.turns), ours.text
    found = differing(theirs, ours) - {OUTCOME}
    if pair.differs:
        assert found, f"they do not differ any more; strike {pair.differs}"
        assert found <= set(DIFFERENCES[pair.differs].metrics), ours.text
    else:
        assert found == set(), f"{theirs.text}\n{ours.text}"
        assert theirs.types == {name: kind for name, kind in ours.types.items() if name != OUTCOME}


@pytest.mark.parametrize("name", sorted({pair.differs for pair in PAIRS} - {""}))
def test_every_metric_of_a_difference_differs_in_a_pair(shown: tuple[BothExporters, dict[str, int]], name: str) -> None:
    two, ports = shown
    pairs = [two.probe(pair.module, pair.target.format(**ports)) for pair in PAIRS if pair.differs == name]
    assert set().union(*(differing(*pages) for pages in pairs)) - {OUTCOME} == set(DIFFERENCES[name].metrics)


def test_every_difference_of_verdicts_is_shown_by_a_pair() -> None:
    assert {pair.differs for pair in PAIRS} | UNSHOWN | {"icmp"} == {*DIFFERENCES, ""}


# Modules, and which difference of `MODULE_FILE` they show; none where both take them, or both refuse them.
FILES = {
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


@pytest.mark.parametrize("text", FILES)
def test_a_module_is_taken_or_refused_as_there(text: str, tmp_path: Path) -> None:
    """But for the differences that are listed, each of which shows."""
    path = tmp_path / "blackbox.yml"
    path.write_text(f"modules: {{it: {text}}}")
    theirs = subprocess.run(
        ["prometheus-blackbox-exporter", "--config.check", f"--config.file={path}"], capture_output=True, check=False
    )
    try:
        ours = bool(load_block(path, ModuleFile))
    except ConfigError:
        ours = False
    assert ((theirs.returncode == 0) is not ours) is bool(FILES[text]), theirs.stderr
    assert not FILES[text] or FILES[text] in MODULE_FILE


@pytest.mark.parametrize(("module", "target"), [("nosuch", "127.0.0.1"), ("tcp", ""), ("http_sni", "")])
def test_what_is_no_question_is_refused_in_the_same_words(
    shown: tuple[BothExporters, dict[str, int]], module: str, target: str
) -> None:
    two, _ = shown
    one, other = (fetch(f"{base}/probe?module={module}&target={target}") for base in (two.theirs, two.ours))
    assert one[0] == other[0] == 400
    assert other[1].startswith(one[1].rstrip())


def test_a_name_for_the_server_is_sent_by_both(shown: tuple[BothExporters, dict[str, int]]) -> None:
    two, ports = shown
    theirs, ours = two.probe("http_ca", f"https://127.0.0.1:{ports['wrong-name']}", hostname="other.test")
    assert theirs.value("probe_success") == ours.value("probe_success") == 1
    assert differing(theirs, ours) == {OUTCOME}


def test_a_name_for_the_server_of_a_tcp_module_is_sent_by_us(shown: tuple[BothExporters, dict[str, int]]) -> None:
    two, ports = shown
    theirs, ours = two.probe("tcp_tls", f"127.0.0.1:{ports['wrong-name']}", hostname="other.test")
    assert (theirs.value("probe_success"), ours.value("probe_success")) == (0, 1)


def test_debug_and_the_log_tell_no_secret_of_the_modules(shown: tuple[BothExporters, dict[str, int]]) -> None:
    two, ports = shown
    for module in ("http_basic", "http_authorization", "http_bearer", "http_oauth2", "http_proxy_password"):
        status, told = fetch(f"{two.ours}/probe?module={module}&target=127.0.0.1:{ports['locked']}&debug=true")
        assert status == 200
        assert b"Module configuration:" in told
        assert not [each for each in (b":password", b"letmein", b"sesame") if each in told], told
    log = two.daemon.log.read_text()
    assert "Traceback" not in log
    assert not [each for each in ("letmein", "sesame", "dXNlcjpwYXNzd29yZA") if each in log]


def test_a_hangup_loads_a_sound_file_and_keeps_what_runs_from_a_bad_one(tmp_path: Path) -> None:
    name = "blackbox_exporter_config_last_reload_successful"

    def loaded(success: int) -> bool:
        return f"\n{name} {success}.0\n" in fetch(f"{two.ours}/metrics")[1].decode()

    def known(module: str) -> bool:
        return fetch(f"{two.ours}/probe?module={module}&target=127.0.0.1:1")[0] == 200

    with both_exporters(tmp_path, "modules: {one: {prober: tcp}}") as two:
        assert loaded(1)
        two.modules.write_text("modules: {one: {prober: tcp, timout: 1s}}")
        two.daemon.process.send_signal(signal.SIGHUP)
        wait_for("the refusal", lambda: loaded(0))
        assert known("one")
        assert two.daemon.find_in_log(r"(did you mean timeout\?)")
        two.modules.write_text("modules: {two: {prober: tcp}}")
        two.daemon.process.send_signal(signal.SIGHUP)
        wait_for("the new module", lambda: known("two"))
        assert (known("one"), loaded(1)) == (False, True)


@possible
def test_echoes_are_the_same_where_they_are_allowed(tmp_path: Path) -> None:
    """In a network namespace of our own, where everybody may ping."""
    (tmp_path / "modules.yml").write_text(
        "modules: {icmp: {prober: icmp, timeout: 1s}, big: {prober: icmp, timeout: 1s, icmp: {payload_size: 1000}},"
        " near: {prober: icmp, timeout: 1s, icmp: {ttl: 1, source_ip_address: 127.0.0.9}}}"
    )
    questions = ["icmp 127.0.0.1", "icmp ::1", "big 127.0.0.1", "near 127.0.0.1", "icmp 192.0.2.9"]
    asking = shlex.join([sys.executable, "-m", "tests.support.blackbox_comparison", str(tmp_path), *questions])
    done = isolated(f"{ALLOWED} {asking}")
    assert done.returncode == 0, done.stderr
    good = []
    for question, (theirs, ours) in zip(questions, json.loads(done.stdout), strict=True):
        assert differing(Page(theirs), Page(ours)) == {OUTCOME}, f"{question}\n{theirs}\n{ours}"
        good.append(Page(ours).value("probe_success"))
    assert good == [1, 1, 1, 1, 0]
