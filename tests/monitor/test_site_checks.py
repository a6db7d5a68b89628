"""Checks of sites: probed and recorded like the others, in no figure of the product, and without incidents."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from monitor.config.errors import ConfigError
from monitor.config.loader import load
from monitor.probes.registry import check_types
from sla.interval import MINUTE
from sla.states import State
from tests.support.ledgers import BAD, GOOD, NOW, FakeCheck, ledger_of, product, run

if TYPE_CHECKING:
    from pathlib import Path

    from monitor.config.model import Portfolio
    from monitor.ledger.ledger import Ledger

SITES = """\
    sites:
      - id: gold
        active: {id: gold-active, dns: sso.example.org, resolver: "192.0.2.53:53", expect: {answer: ["192.0.2.1"]}}
        direct: {id: gold-direct, http: "https://sso.example.org/health", resolve_to: 192.0.2.1}
      - id: dr
        name: GoldDR
        active: {id: dr-active, http: "https://sso.example.org/", expect: {header: {X-Site: dr}}}
    failover: {within: 15m}
"""


def portfolio(folder: Path, sites: str = SITES) -> Portfolio:
    path = folder / "ninewatch.yaml"
    path.write_text(
        f"products:\n  - id: sso\n    objective: 99%\n{sites}    checks:\n"
        '      - {id: health, http: "https://sso.example.org/health"}\n'
    )
    return load(path, check_types(allow_exec=False))


def test_sites_are_read_with_checks_of_any_kind(tmp_path: Path) -> None:
    loaded = portfolio(tmp_path)
    (sso,) = loaded.products
    assert [site.name for site in sso.sites] == ["gold", "GoldDR"]
    assert [check.kind for check in sso.site_checks] == ["dns", "http", "http"]
    assert (sso.failover.within, sso.failover.settle) == (15 * MINUTE, 5 * MINUTE)
    assert [check.id for _, check in loaded.probed()] == ["health", "gold-active", "gold-direct", "dr-active"]


@pytest.mark.parametrize(
    ("wrong", "right", "message"),
    [
        ("dr-active", "gold-active", '"gold-active" is already the id of a check of this product'),
        ("id: dr\n", "id: gold\n", '"gold" is already the id of a site of this product'),
        ("id: dr-active, http:", "id: dr-active, htp:", "products.sso.sites.dr.active: unknown key"),
        ("X-Site: dr}", "X-Site: dr}, stat: 2", "products.sso.sites.dr.active.expect.stat: unknown key; did you mean"),
        ('http: "https://sso.example.org/", expect: {header: {X-Site: dr}}', "heartbeat: every 1h", "is a heartbeat"),
        ("within: 15m", "settle: 0.1s", "between 1s and 1d"),
        (
            "id: dr-active,",
            "id: dr-active, recheck: 2s,",
            "dr.active: has a recheck, which has no effect",
        ),
        ("id: gold-direct,", "id: gold-direct, recheck: 2s,", "gold.direct: has a recheck, which has no effect"),
    ],
)
def test_mistakes_are_reported_with_their_place(tmp_path: Path, wrong: str, right: str, message: str) -> None:
    assert SITES.count(wrong) == 1
    with pytest.raises(ConfigError) as caught:
        portfolio(tmp_path, SITES.replace(wrong, right))
    assert message in str(caught.value)


def test_site_check_may_state_that_it_has_no_rechecks(tmp_path: Path) -> None:
    loaded = portfolio(tmp_path, SITES.replace("id: dr-active,", "id: dr-active, recheck: never,"))
    assert loaded.products[0].site_checks[-1].recheck_delay is None


def site(name: str) -> dict[str, object]:
    return {"id": name, "active": FakeCheck(id=f"{name}-active", interval="1m", timeout="10s")}


def with_sites() -> Ledger:
    """Return sso at gold, whose other site was never active."""
    ledger = ledger_of(product("sso", sites=[site("gold"), site("dr")]))
    keys = (("sso/dr-active", BAD), ("sso/gold-active", GOOD), ("sso/health", GOOD))
    ledger.restore([run(key, outcome, NOW - 30 * MINUTE, NOW) for key, outcome in keys], (), ())
    return ledger


def test_checks_of_sites_count_in_no_figure() -> None:
    ledger = with_sites()
    assert list(ledger.entries) == ["sso/health"]
    assert list(ledger.site_entries) == ["sso/gold-active", "sso/dr-active"]
    assert ledger.state("sso", NOW - MINUTE) is State.UP
    assert ledger.measured("sso", "24h", NOW).durations.down == 0
    assert ledger.open_incidents() == []


def test_reload_keeps_the_history_of_a_check_that_becomes_one_of_a_site() -> None:
    ledger = with_sites()
    checks = (*product("sso", 1)["checks"], site("dr")["active"])  # type: ignore[misc]
    ledger.reload(ledger_of(product("sso") | {"checks": checks}).portfolio)
    assert list(ledger.entries) == ["sso/health", "sso/dr-active"]
    assert ledger.history("sso/dr-active").timeline.state(NOW - MINUTE) is State.DOWN
    assert not ledger.site_entries
    ledger.reload(with_sites().portfolio)
    assert ledger.site_entries["sso/dr-active"].timeline.state(NOW - MINUTE) is State.DOWN
    assert ledger.site_entries["sso/gold-active"].timeline.state(NOW - MINUTE) is State.UP
