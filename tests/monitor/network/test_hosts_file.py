"""/etc/hosts: each name has the addresses of its own lines only."""

from __future__ import annotations

from pathlib import Path

import pytest

from monitor.config.model import Family
from monitor.network.failure import ProbeFailure
from monitor.network.hosts_file import HostsFile
from monitor.network.resolver import Resolver
from sla.observation import Outcome
from tests.support.nameserver import dns_records, nameserver
from tests.support.probing import attempt
from tests.support.servers import http_response, respond_with, serve_tcp

TEXT = """\
127.0.0.1 localhost blue   # a comment: 10.9.9.9 blue
10.0.0.9\tblue
10.0.0.1 app1 Shared.Example.Test
10.0.0.2 app2 shared.example.test shared.example.test.
::1 localhost
fe80::1%lo scoped
nonsense app1
300.0.0.1 app1

10.0.0.2
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "hosts"
    path.write_text(TEXT)
    return path


@pytest.mark.parametrize(
    ("name", "actual"),
    [
        ("localhost", ["127.0.0.1", "::1"]),
        ("LOCALHOST.", ["127.0.0.1", "::1"]),
        ("blue", ["127.0.0.1", "10.0.0.9"]),
        ("app1", ["10.0.0.1"]),
        ("app2", ["10.0.0.2"]),
        ("shared.example.test", ["10.0.0.1", "10.0.0.2"]),
        ("app", []),
        ("scoped", []),
        ("a.localhost", ["::1", "127.0.0.1"]),
    ],
)
def test_name_has_the_addresses_of_its_lines_in_order(name: str, actual: list[str], path: Path) -> None:
    assert [address for _, address in HostsFile(path).addresses(name)] == actual


def test_change_applies_immediately_and_a_missing_file_has_localhost_only(path: Path) -> None:
    hosts = HostsFile(path)
    assert hosts.addresses("app1")
    another = path.with_suffix(".new")
    another.write_text(TEXT.replace("app1", "app3"))
    another.replace(path)
    assert not hosts.addresses("app1")
    assert hosts.addresses("app3")
    path.unlink()
    assert not hosts.addresses("app3")
    assert [address for _, address in hosts.addresses("localhost")] == ["::1", "127.0.0.1"]


async def test_names_in_the_file_are_not_queried_and_others_are(path: Path) -> None:
    async with nameserver(dns_records("A 203.0.113.1", "AAAA 2001:db8::1")) as port:
        resolver = Resolver(["127.0.0.1"], port, path)
        actual = {name: await resolver.addresses(name, 80, Family.IP4) for name in ("app1", "elsewhere.example.test")}
        with pytest.raises(ProbeFailure, match="app1 in ip6 has no address"):
            await resolver.addresses("app1", 80, Family.IP6)
        await resolver.close()
    assert {name: [address[0] for _, address in addresses] for name, addresses in actual.items()} == {
        "app1": ["10.0.0.1"],
        "elsewhere.example.test": ["203.0.113.1"],
    }


async def test_other_names_of_a_line_do_not_share_further_addresses(tmp_path: Path) -> None:
    path = tmp_path / "hosts"
    path.write_text("127.0.0.9 app1 shared\n127.0.0.1 app2 shared\n")
    async with serve_tcp(respond_with(http_response())) as port:
        outcomes = [
            (await attempt({"tcp": f"{name}:{port}"}, 5, Resolver(hosts=path))).result.outcome
            for name in ("app1", "app2", "shared")
        ]
    assert outcomes == [Outcome.BAD, Outcome.GOOD, Outcome.GOOD]
