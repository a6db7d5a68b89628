"""The small parts of the stand-in for blackbox_exporter: targets, names, pages, patience."""

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
from monitor.blackbox.service import LONGEST, SPACING, Blackbox, _seconds
from monitor.blackbox.target_address import fnv1a, split
from monitor.blackbox.tcp import _filled
from monitor.blackbox.tls_state import _name
from monitor.clock import SystemClock
from monitor.health import Health
from monitor.network.failure import ProbeFailure
from tests.monitor.blackbox import probe_request
from tests.support.clocks import ManualClock, settle


@pytest.mark.parametrize(
    ("target", "port", "found"),
    [
        ("example.test:25", None, ("example.test", 25)),
        ("[::1]:25", None, ("::1", 25)),
        ("example.test", 53, ("example.test", 53)),
        ("::1", 53, ("::1", 53)),
        ("[::1]", 53, ("::1", 53)),
        ("192.0.2.1:5353", 53, ("192.0.2.1", 5353)),
    ],
)
def test_a_target_is_split_as_go_does(target: str, port: int | None, found: tuple[str, int]) -> None:
    assert split(target, port) == found


@pytest.mark.parametrize("target", ["example.test", "a:b", "a:0", "a:65536", "::1", "a:1:2"])
def test_a_target_without_a_port_is_bad_where_there_is_no_usual_one(target: str) -> None:
    with pytest.raises(ProbeFailure, match="bad_target"):
        split(target)


@pytest.mark.parametrize(
    ("timeout", "scraper", "seconds"),
    [
        (0, 0, 119.5),  # nobody bounds it
        (5, 0, 5),
        (0, 10, 9.5),
        (5, 10, 5),
        (20, 10, 9.5),
        (20, 0.4, 20),  # as there: too little for the way back leaves the module's
        (0, 0.4, 0.01),
        (0, float("inf"), 119.5),
        (3000, 4000, LONGEST),
    ],
)
def test_a_probe_may_take_what_scraper_and_module_allow(timeout: float, scraper: float, seconds: float) -> None:
    assert _seconds(Module.model_construct(timeout=float(timeout)), float(scraper)) == pytest.approx(seconds)


def test_the_hash_of_an_address_is_gos() -> None:
    """Recorded from blackbox_exporter 0.23 for 127.0.0.1 and ::1."""
    assert fnv1a(bytes([127, 0, 0, 1])) == 3668918509
    assert fnv1a(bytes(15) + b"\1") == 1751717746


@pytest.mark.parametrize(
    ("template", "sent"),
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
def test_what_was_caught_is_filled_in_as_go_does(template: str, sent: str) -> None:
    assert _filled(template, {"0": "ab", "1": "a", "2": "b", "who": "b"}) == sent


def test_a_name_is_written_as_go_does() -> None:
    """In Go's order, whatever the certificate's; parts of one kind together, and what would be syntax escaped."""
    parts = [
        (NameOID.COMMON_NAME, "a, b"),
        (NameOID.COUNTRY_NAME, "CA"),
        (NameOID.ORGANIZATIONAL_UNIT_NAME, "one"),
        (NameOID.ORGANIZATIONAL_UNIT_NAME, "two"),
        (NameOID.ORGANIZATION_NAME, "#1 "),
    ]
    name = x509.Name([x509.NameAttribute(oid, value) for oid, value in parts])
    assert _name(name) == "CN=a\\, b,OU=one+OU=two,O=\\#1\\ ,C=CA"


def test_a_page_is_what_prometheus_reads() -> None:
    gauges = Gauges()
    gauges.set("probe_success", True)
    gauges.set("probe_duration_seconds", 0.25)
    gauges.set("probe_ssl_last_chain_info", 1, {"subject": 'CN="a"\\,\n', "issuer": "b"})
    gauges.phases("probe_icmp_duration_seconds", rtt=1e-7, setup=0)
    families = {each.name: each for each in text_string_to_metric_families(gauges.page())}
    assert list(families) == sorted(families)
    assert {each.type for each in families.values()} == {"gauge"}
    samples = {(each.name, *each.labels.items()): each.value for family in families.values() for each in family.samples}
    assert samples["probe_success",] == 1
    assert samples["probe_duration_seconds",] == 0.25
    assert samples["probe_icmp_duration_seconds", ("phase", "rtt")] == 1e-7
    assert samples["probe_ssl_last_chain_info", ("issuer", "b"), ("subject", 'CN="a"\\,\n')] == 1


def test_the_handbook_tells_every_difference_and_every_metric() -> None:
    text = documentation()
    assert all(each.here in text and each.there in text and each.reason in text for each in DIFFERENCES.values())
    assert all(f"`{name}`" in text for name in HELP)
    assert {name for each in DIFFERENCES.values() for name in each.metrics} <= set(HELP)


@pytest.fixture
def modules(tmp_path: Path) -> Path:
    path = tmp_path / "blackbox.yml"
    path.write_text("modules: {tcp: {prober: tcp}}")
    return path


def test_a_sound_file_is_taken_over_and_a_bad_one_leaves_what_runs(modules: Path) -> None:
    box, health = Blackbox(modules, SystemClock()), Health(blackbox_reload_success=True, blackbox_reload_at=1)
    modules.write_text("modules: {icmp: {prober: icmp}}")
    box.look(health, asked=True)
    assert (set(box.modules), health.blackbox_reload_success) == ({"icmp"}, True)
    taken = health.blackbox_reload_at
    for bad in ("modules: {tcp: {prober: tpc}}", "modules: [", ""):
        modules.write_text(bad)
        box.look(health, asked=True)
        assert (set(box.modules), health.blackbox_reload_success) == ({"icmp"}, False)
    modules.unlink()
    box.look(health, asked=True)
    assert (set(box.modules), health.blackbox_reload_success) == ({"icmp"}, False)
    assert health.blackbox_reload_at == taken


def test_a_change_is_seen_without_being_asked_also_of_a_file_that_is_named(tmp_path: Path) -> None:
    secret, path = tmp_path / "token", tmp_path / "blackbox.yml"
    secret.write_text("first-token")
    path.write_text("modules: {it: {prober: http, http: {bearer_token_file: token}}}")
    box, health = Blackbox(path, SystemClock()), Health(blackbox_reload_success=True)
    secret.write_text("second-token")
    for _ in range(2):  # a file must hold still from one look to the next
        box.look(health, asked=False)
    token = box.modules["it"].http.bearer_token_file
    assert token is not None
    assert token.reveal() == "second-token"


async def test_probes_that_are_asked_for_at_once_start_one_after_the_other(modules: Path) -> None:
    clock = ManualClock()
    box = Blackbox(modules, clock)
    waiting = [asyncio.create_task(box._turn()) for _ in range(3)]
    await settle()
    started = [sum(each.done() for each in waiting)]
    for _ in range(2):
        await clock.advance(SPACING)
        started.append(sum(each.done() for each in waiting))
    assert started == [1, 2, 3]
    await clock.advance(1.0)
    await asyncio.wait_for(box._turn(), 1.0)  # at once: nobody went before


def test_a_defect_of_reading_leaves_what_runs(modules: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    box, health = Blackbox(modules, SystemClock()), Health(blackbox_reload_success=True)
    monkeypatch.setattr("monitor.blackbox.service.load_block", lambda *_: 1 / 0)
    box.look(health, asked=True)
    assert (set(box.modules), health.blackbox_reload_success) == ({"tcp"}, False)


async def test_a_probe_and_what_it_hands_on_are_of_one_reading_of_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A token that was fetched as the old file says is not shown by the new one's probes."""
    async with probe_request.box(tmp_path, "modules: {tcp: {prober: tcp}}") as (made, ask):
        handed: list[object] = []

        def reloading(module: Module, hostname: str) -> None:  # in the middle of taking a question
            made.look(Health(), asked=True)
            handed.append(made.modules)

        def probe(target: str, module: Module, *rest: Any) -> BlackboxProbe:
            handed.append(rest[3])
            return BlackboxProbe(target, module, *rest)

        monkeypatch.setattr("monitor.blackbox.service.check_hostname", reloading)
        monkeypatch.setattr("monitor.blackbox.service.BlackboxProbe", probe)
        before = made._loaded
        await ask("tcp", "127.0.0.1:1")
        assert handed[0] is not before.modules
        assert handed[1] is before.shared["tcp"]
