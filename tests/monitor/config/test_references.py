"""References in a configuration: their defaults, their errors, and warnings about references that show nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from monitor.config.loader import examine
from monitor.config.references import ReferenceBase
from monitor.probes import icmp
from monitor.probes.registry import CHECK_TYPES
from sla.interval import SECOND

if TYPE_CHECKING:
    from pathlib import Path

    from monitor.config.loader import LoadResult

PRODUCT = """\
products:
  - id: forms
    objective: 99%
    checks: [{id: health, http: "https://forms.example.org/"}, {id: port, tcp: "192.0.2.80:443"}]
"""


def examine_references(folder: Path, references: str, products: str = PRODUCT) -> LoadResult:
    path = folder / "ninewatch.yaml"
    path.write_text(f"references:{references}\n{products}" if references else products)
    return examine(path, CHECK_TYPES)


def errors(result: LoadResult) -> list[str]:
    return [str(problem).partition(": ")[2] for problem in result.problems]


def warnings(result: LoadResult) -> list[str]:
    assert result.problems == ()
    return [str(problem).partition(": ")[2] for problem in result.warnings]


def test_reference_is_a_check_with_its_own_defaults(tmp_path: Path) -> None:
    result = examine_references(
        tmp_path,
        """
  - {id: gateway, tcp: "10.0.0.1:53", near: true}
  - {id: outside, tcp: "192.0.2.1:443"}
  - {id: elsewhere, http: "https://example.net/", interval: 1s, family: ip6}
  - {id: hub, dns: ., record: NS, resolver: "10.20.0.1:53", via: vpn}""",
    )
    assert result.portfolio is not None, result.problems
    references = result.portfolio.references
    assert all(isinstance(reference, ReferenceBase) for reference in references)
    assert [(reference.id, reference.kind, reference.near, reference.via) for reference in references] == [
        ("gateway", "tcp", True, None),
        ("outside", "tcp", False, None),
        ("elsewhere", "http", False, None),
        ("hub", "dns", False, "vpn"),
    ]
    assert [(reference.interval, reference.timeout) for reference in references[1:3]] == [
        (5 * SECOND, 1_800_000),
        (SECOND, 800_000),
    ]
    assert (result.portfolio.system_references, result.portfolio.products[0].via) == (None, None)


@pytest.mark.parametrize(
    ("reference", "message"),
    [
        ('{id: a, htp: "https://x.org/"}', 'references.a: unknown key "htp"; did you mean http?'),
        ("{id: a}", "references.a: has no key of a kind; use one of http, tcp, dns, icmp"),
        ("{id: a, heartbeat: 1h}", "references.a: has no key of a kind; use one of http, tcp, dns, icmp"),
        (
            '{id: a, tcp: "x:1", http: "http://x/"}',
            "references.a: has keys of 2 kinds, http and tcp; use one reference",
        ),
        (
            '{id: a, tcp: "x:1", enabled: false}',
            "references.a.enabled: a reference cannot be disabled; remove the reference",
        ),
        (
            '{id: a, tcp: "x:1", recheck: 2s}',
            "references.a.recheck: has no effect on a reference, which opens no incident; remove it",
        ),
        (
            '{id: a, tcp: "x:1", timeout: 3s}',
            "references.a.timeout: must be between 10ms and 2s, because a bad outcome waits at most 2s for it",
        ),
        ('{id: a, tcp: "x:1", nearr: true}', "references.a.nearr: unknown key; did you mean near? Allowed: enabled"),
    ],
)
def test_mistake_in_a_reference_has_an_error_with_a_remedy(tmp_path: Path, reference: str, message: str) -> None:
    (error,) = errors(examine_references(tmp_path, f" [{reference}]"))
    assert error.startswith(message)


def test_ids_of_references_are_unique(tmp_path: Path) -> None:
    (error,) = errors(examine_references(tmp_path, ' [{id: a, tcp: "x:1"}, {id: a, tcp: "y:1"}]'))
    assert error.startswith('references.a.id: "a" is already the id of a reference')


@pytest.mark.parametrize("name", ["system-gateway", "system-gateway-ip6", "system-resolver"])
def test_ids_of_the_machines_references_are_reserved(tmp_path: Path, name: str) -> None:
    (error,) = errors(examine_references(tmp_path, f' [{{id: {name}, tcp: "x:1"}}, {{id: a, tcp: "y:1"}}]'))
    assert error.startswith(f"references.{name}.id: is the id of a reference that is found on this machine")


@pytest.mark.parametrize(
    ("references", "message"),
    [
        ("", "references: there is no far reference: a failure of the monitor's connection looks like an outage"),
        (' [{id: a, tcp: "10.0.0.1:53", near: true}]', "references: there is no far reference"),
        (' [{id: a, tcp: "192.0.2.1:53"}]', "references: there is only one far reference"),
        (' [{id: a, tcp: "192.0.2.1:53"}, {id: b, tcp: "198.51.100.1:53", via: vpn}]', "references: there is only one"),
        (
            ' [{id: a, tcp: "192.0.2.1:53"}, {id: b, http: "http://192.0.2.9/"}]',
            "references: all far references are in 192.0.2.0/24, which may fail as a whole",
        ),
        (
            ' [{id: a, tcp: "a.example.net:53"}, {id: b, http: "https://b.example.net/"}]',
            "references: all far references are in example.net, which may fail as a whole",
        ),
        (
            " [{id: a, dns: a.example.net}, {id: b, dns: b.example.com}]",
            "references: all far references are in the machine's resolvers, which may fail as a whole",
        ),
        (
            ' [{id: a, http: "https://forms.example.org/x"}, {id: b, tcp: "192.0.2.80:22"}]',
            'references: all far references are targets of the product "forms"',
        ),
        (' [{id: a, tcp: "192.0.2.1:53"}, {id: b, http: "https://example.net/"}]', None),
        (
            ' [{id: a, tcp: "192.0.2.1:53"}, {id: b, tcp: "198.51.100.1:53"}, {id: c, tcp: "[2001:db8::1]:53"}]',
            "references: only c is a far reference over IPv6: if it fails alone, outages of products over IPv6",
        ),
        (
            ' [{id: a, http: "https://example.org/", family: ip4}, {id: b, tcp: "[2001:db8::1]:53"},'
            ' {id: c, tcp: "[2001:db9::1]:53"}]',
            "references: only a is a far reference over IPv4: if it fails alone, outages of products over IPv4",
        ),
    ],
)
def test_references_that_cannot_show_a_lost_connection_have_a_warning(
    tmp_path: Path, references: str, message: str | None
) -> None:
    actual = warnings(examine_references(tmp_path, references))
    assert len(actual) == (message is not None)
    assert message is None or actual[0].startswith(message)


def test_smallest_form_is_valid_where_pings_are_not_permitted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(icmp, "may_open_socket", lambda: False)
    smallest = (
        ' [{id: gateway, icmp: 10.0.0.1, near: true}, {id: outside, tcp: "192.0.2.1:443"},'
        ' {id: elsewhere, tcp: "198.51.100.1:443"}]'
    )
    (warning,) = warnings(examine_references(tmp_path, smallest))
    assert warning.startswith("references.gateway.icmp: this process is not allowed to ping; run `sysctl")
    far = ' [{id: a, icmp: 192.0.2.1}, {id: b, tcp: "198.51.100.1:443"}]'
    assert warnings(examine_references(tmp_path, far))[1].startswith("references: there is only one far reference")


@pytest.mark.parametrize(
    ("references", "message"),
    [
        (' [{id: a, tcp: "127.0.0.1:9"}]', "references: there is only one far reference"),
        (' [{id: a, tcp: "127.0.0.1:9", near: true}]', "references: there is no far reference"),
        (' [{id: a, tcp: "192.0.2.1:9"}, {id: b, tcp: "192.0.2.2:9"}]', "references: all far references are in 192.0"),
        (' [{id: a, tcp: "127.0.0.1:9"}, {id: b, tcp: "127.0.0.1:8"}]', None),
    ],
)
def test_references_of_a_portfolio_on_this_machine_are_examined_too(
    tmp_path: Path, references: str, message: str | None
) -> None:
    products = "products:\n  - {id: a, objective: 99%, checks: [{id: x, tcp: '127.0.0.1:5432'}]}\n"
    actual = warnings(examine_references(tmp_path, references, products))
    assert len(actual) == (message is not None)
    assert message is None or actual[0].startswith(message)


LOCAL_JOURNEY = "steps: [{id: a, http: http://127.0.0.1/a}, {id: b, tcp: 'localhost:1'}]"
REMOTE_JOURNEY = "steps: [{id: a, http: http://127.0.0.1/a}, {id: b, http: https://example.org/b}]"


@pytest.mark.parametrize(
    "target", ['tcp: "127.0.0.1:5432"', 'http: "http://localhost:8080/"', 'tcp: "[::1]:80"', LOCAL_JOURNEY]
)
def test_portfolio_on_this_machine_needs_no_references(tmp_path: Path, target: str) -> None:
    products = f"products:\n  - {{id: a, objective: 99%, checks: [{{id: x, {target}}}]}}\n"
    assert warnings(examine_references(tmp_path, "", products)) == []


def test_journey_with_a_step_elsewhere_needs_references(tmp_path: Path) -> None:
    products = f"products:\n  - {{id: a, objective: 99%, checks: [{{id: x, {REMOTE_JOURNEY}}}]}}\n"
    (warning,) = warnings(examine_references(tmp_path, "", products))
    assert warning.startswith("references: there is no far reference")


def test_network_without_references_has_a_warning(tmp_path: Path) -> None:
    far = ' [{id: a, tcp: "192.0.2.1:53"}, {id: b, tcp: "198.51.100.1:53"}]'
    (warning,) = warnings(examine_references(tmp_path, far, PRODUCT.replace("id: forms", "id: forms\n    via: vpn")))
    assert warning == ("products.forms.via: no reference has via: vpn, so the references of the uplink apply; add one")
