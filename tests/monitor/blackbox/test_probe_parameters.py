"""Parts of the replacement for blackbox_exporter: targets, names, result pages, timeouts and reloads."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.x509.oid import NameOID
from prometheus_client.parser import text_string_to_metric_families

from monitor.blackbox.differences import DIFFERENCES
from monitor.blackbox.documentation import documentation
from monitor.blackbox.metrics import HELP, Gauges
from monitor.blackbox.modules import Module
from monitor.blackbox.prober import BlackboxProbe
from monitor.blackbox.service import MAX_TIMEOUT, START_INTERVAL, Blackbox, _timeout
from monitor.blackbox.target_address import fnv1a, split
from monitor.blackbox.tcp import _expand
from monitor.blackbox.tls_state import _name
from monitor.clock import SystemClock
from monitor.health import Health
from monitor.network.failure import ProbeFailure
from tests.monitor.blackbox import probe_request
from tests.support.clocks import ManualClock, settle


@pytest.mark.parametrize(
    ("target", "port", "host_and_port"),
    [
        ("example.test:25", None, ("example.test", 25)),
        ("[::1]:25", None, ("::1", 25)),
        ("example.test", 53, ("example.test", 53)),
        ("::1", 53, ("::1", 53)),
        ("[::1]", 53, ("::1", 53)),
        ("192.0.2.1:5353", 53, ("192.0.2.1", 5353)),
    ],
)
def test_target_is_split_as_in_go(target: str, port: int | None, host_and_port: tuple[str, int]) -> None:
    assert split(target, port) == host_and_port


@pytest.mark.parametrize("target", ["example.test", "a:b", "a:0", "a:65536", "::1", "a:1:2"])
def test_target_without_port_is_invalid_without_a_default_port(target: str) -> None:
    with pytest.raises(ProbeFailure, match="bad_target"):
        split(target)


@pytest.mark.parametrize(
    ("timeout", "scraper", "seconds"),
    [
        (0, 0, 119.5),  # no timeout is set
        (5, 0, 5),
        (0, 10, 9.5),
        (5, 10, 5),
        (20, 10, 9.5),
        (20, 0.4, 20),  # as in blackbox_exporter: the scrape timeout is too short, so the module's applies
        (0, 0.4, 0.01),
        (0, float("inf"), 119.5),
        (3000, 4000, MAX_TIMEOUT),
    ],
)
def test_probe_timeout_is_limited_by_scraper_and_module(timeout: float, scraper: float, seconds: float) -> None:
    assert _timeout(Module.model_construct(timeout=float(timeout)), float(scraper)) == pytest.approx(seconds)


def test_address_hash_equals_the_hash_of_blackbox_exporter() -> None:
    """The values were recorded from blackbox_exporter 0.23 for 127.0.0.1 and ::1."""
    assert fnv1a(bytes([127, 0, 0, 1])) == 3668918509
    assert fnv1a(bytes(15) + b"\1") == 1751717746


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("PONG ${1}", "PONG a"),
        ("$1$2", "ab"),
        ("$1x", ""),
        ("${1}x", "ax"),
        ("$$1", "$1"),
        ("$none.", "."),
        ("${who}", "b"),
        ("$ and ${", "$ and ${"),
    ],
)
def test_captured_groups_are_expanded_as_in_go(template: str, expected: str) -> None:
    assert _expand(template, {"0": "ab", "1": "a", "2": "b", "who": "b"}) == expected


def test_distinguished_name_is_formatted_as_in_go() -> None:
    """The attributes are in Go's order, attributes of one type are joined, and special characters are escaped."""
    parts = [
        (NameOID.COMMON_NAME, "a, b"),
        (NameOID.COUNTRY_NAME, "CA"),
        (NameOID.ORGANIZATIONAL_UNIT_NAME, "one"),
        (NameOID.ORGANIZATIONAL_UNIT_NAME, "two"),
        (NameOID.ORGANIZATION_NAME, "#1 "),
    ]
    name = x509.Name([x509.NameAttribute(oid, value) for oid, value in parts])
    assert _name(name) == "CN=a\\, b,OU=one+OU=two,O=\\#1\\ ,C=CA"


def test_page_is_valid_prometheus_text() -> None:
    gauges = Gauges()
    gauges.set("probe_success", True)
    gauges.set("probe_duration_seconds", 0.25)
    gauges.set("probe_ssl_last_chain_info", 1, {"subject": 'CN="a"\\,\n', "issuer": "b"})
    gauges.phases("probe_icmp_duration_seconds", rtt=1e-7, setup=0)
    families = {family.name: family for family in text_string_to_metric_families(gauges.page())}
    assert list(families) == sorted(families)
    assert {family.type for family in families.values()} == {"gauge"}
    samples = {
        (sample.name, *sample.labels.items()): sample.value for family in families.values() for sample in family.samples
    }
    assert samples["probe_success",] == 1
    assert samples["probe_duration_seconds",] == 0.25
    assert samples["probe_icmp_duration_seconds", ("phase", "rtt")] == 1e-7
    assert samples["probe_ssl_last_chain_info", ("issuer", "b"), ("subject", 'CN="a"\\,\n')] == 1


def test_documentation_lists_every_difference_and_metric() -> None:
    text = documentation()
    assert all(
        row.ninewatch in text and row.blackbox_exporter in text and row.reason in text for row in DIFFERENCES.values()
    )
    assert all(f"`{name}`" in text for name in HELP)
    assert {name for row in DIFFERENCES.values() for name in row.metrics} <= set(HELP)


@pytest.fixture
def modules(tmp_path: Path) -> Path:
    path = tmp_path / "blackbox.yml"
    path.write_text("modules: {tcp: {prober: tcp}}")
    return path


def test_reload_loads_a_valid_file_and_keeps_the_modules_on_an_invalid_file(modules: Path) -> None:
    service, health = Blackbox(modules, SystemClock()), Health(blackbox_reload_success=True, blackbox_reload_at=1)
    modules.write_text("modules: {icmp: {prober: icmp}}")
    service.reload_if_needed(health, requested=True)
    assert (set(service.modules), health.blackbox_reload_success) == ({"icmp"}, True)
    reload_at = health.blackbox_reload_at
    for invalid_text in ("modules: {tcp: {prober: tpc}}", "modules: [", ""):
        modules.write_text(invalid_text)
        service.reload_if_needed(health, requested=True)
        assert (set(service.modules), health.blackbox_reload_success) == ({"icmp"}, False)
    modules.unlink()
    service.reload_if_needed(health, requested=True)
    assert (set(service.modules), health.blackbox_reload_success) == ({"icmp"}, False)
    assert health.blackbox_reload_at == reload_at


def test_changed_secret_file_reloads_the_modules_without_a_request(tmp_path: Path) -> None:
    secret, path = tmp_path / "token", tmp_path / "blackbox.yml"
    secret.write_text("first-token")
    path.write_text("modules: {it: {prober: http, http: {bearer_token_file: token}}}")
    service, health = Blackbox(path, SystemClock()), Health(blackbox_reload_success=True)
    secret.write_text("second-token")
    for _ in range(2):  # a file must be unchanged between two checks
        service.reload_if_needed(health, requested=False)
    token = service.modules["it"].http.bearer_token_file
    assert token is not None
    assert token.reveal() == "second-token"


async def test_simultaneous_probes_start_one_after_the_other(modules: Path) -> None:
    clock = ManualClock()
    service = Blackbox(modules, clock)
    waiting = [asyncio.create_task(service._wait_for_start()) for _ in range(3)]
    await settle()
    started_counts = [sum(probe.done() for probe in waiting)]
    for _ in range(2):
        await clock.advance(START_INTERVAL)
        started_counts.append(sum(probe.done() for probe in waiting))
    assert started_counts == [1, 2, 3]
    await clock.advance(1.0)
    await asyncio.wait_for(service._wait_for_start(), 1.0)  # starts immediately: no other probe is waiting


def test_reload_keeps_the_modules_on_an_internal_error(modules: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    service, health = Blackbox(modules, SystemClock()), Health(blackbox_reload_success=True)
    monkeypatch.setattr("monitor.blackbox.service.load_block", lambda *_: 1 / 0)
    service.reload_if_needed(health, requested=True)
    assert (set(service.modules), health.blackbox_reload_success) == ({"tcp"}, False)


async def test_probe_and_its_shared_state_come_from_the_same_load(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A token that was fetched with the old file is not used by probes of the new file."""
    async with probe_request.blackbox_service(tmp_path, "modules: {tcp: {prober: tcp}}") as (service, request):
        recorded: list[object] = []

        def reload_during_request(module: Module, hostname: str) -> None:
            service.reload_if_needed(Health(), requested=True)
            recorded.append(service.modules)

        def probe(target: str, module: Module, *remaining: Any) -> BlackboxProbe:
            recorded.append(remaining[3])
            return BlackboxProbe(target, module, *remaining)

        monkeypatch.setattr("monitor.blackbox.service.check_hostname", reload_during_request)
        monkeypatch.setattr("monitor.blackbox.service.BlackboxProbe", probe)
        loaded_before = service._loaded
        await request("tcp", "127.0.0.1:1")
        assert recorded[0] is not loaded_before.modules
        assert recorded[1] is loaded_before.shared["tcp"]
