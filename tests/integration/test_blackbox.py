"""Compare blackbox_exporter and /probe on good and bad servers: verdicts, metrics, labels and values must be equal.

Only the differences in `monitor.blackbox.differences` are allowed. A pair with a difference must show it.
"""

from __future__ import annotations

import json
import re
import shlex
import signal
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from monitor.blackbox.differences import DIFFERENCES, MODULE_FILE, SERVICE_DIFFERENCES
from monitor.blackbox.metrics import OUTCOME
from tests.monitor.probes.test_icmp import ALLOWED, needs_namespaces, run_isolated
from tests.support.blackbox_comparison import BothExporters, Page, both_exporters
from tests.support.blackbox_pairs import PAIRS, Pair
from tests.support.blackbox_targets import serving_targets
from tests.support.processes import fetch, needs, wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [pytest.mark.slow, needs("prometheus-blackbox-exporter")]


MODULES = Path(__file__).parents[1] / "support/blackbox.yml"


# Differences that no pair shows, because they concern module files or callers, or are too expensive to show.
UNSHOWN = {
    *MODULE_FILE,
    *SERVICE_DIFFERENCES,
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


DURATIONS = re.compile(r"\w*duration_seconds|probe_dns_lookup_time_seconds")


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
