"""The shipped demo portfolio, loaded and probed as by the daemon: each mode of a product gives the expected reasons."""

from __future__ import annotations

import asyncio
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from monitor.clock import SystemClock
from monitor.config.loader import examine, load
from monitor.demo import launch, modes, script
from monitor.demo.products import Products
from monitor.engine.probe_environment import probe_environment
from monitor.health import Health
from monitor.probes.registry import CHECK_TYPES, prepare
from monitor.views.readiness import remedy_text
from sla.interval import DAY, SECOND
from sla.objective import Objective
from sla.observation import Outcome
from tests.support.probing import retry_if_starved

if TYPE_CHECKING:
    from monitor.config.model import Portfolio

SHIPPED = Path(__file__).parents[3] / "config" / "demo.yaml"

# (product, mode) -> check -> reason of the failing checks. All other checks are good.
EXPECTED_REASONS = {
    ("keycloak", "up"): {},
    ("keycloak", "outage"): dict.fromkeys(("discovery", "standard", "jwks"), "connect_refused"),
    ("keycloak", "slow"): dict.fromkeys(("discovery", "standard", "jwks"), "deadline"),
    ("keycloak", "maintenance"): dict.fromkeys(("discovery", "standard", "jwks"), "header_mismatch"),
    ("keycloak", "failover"): {},
    ("chefs", "up"): {},
    ("chefs", "outage"): {
        **dict.fromkeys(("api", "status"), "connect_refused"),
        "submit-a-form": "version: connect_refused",
    },
    ("chefs", "slow"): {**dict.fromkeys(("api", "status"), "deadline"), "submit-a-form": "version: deadline"},
    ("chefs", "not_ready"): {
        "api": "http_status",
        "status": "body_mismatch",
        "submit-a-form": "version: http_status",
    },
    ("css", "up"): {},
    ("css", "outage"): dict.fromkeys(("portal", "api", "integrations"), "connect_refused"),
    ("css", "slow"): dict.fromkeys(("portal", "api", "integrations"), "deadline"),
    ("css", "recovery"): {"integrations": "http_status"},
    ("css", "error"): {"portal": "http_status", "api": "http_status"},
    ("drop", "up"): {},
    ("drop", "outage"): {"health": "connect_refused"},
    ("drop", "slow"): {"health": "deadline"},
    ("drop", "error"): {"health": "http_status"},
    ("notify", "up"): {},
    ("notify", "outage"): dict.fromkeys(("api", "components"), "connect_refused"),
    ("notify", "slow"): dict.fromkeys(("api", "components"), "deadline"),
    ("notify", "degraded"): {},
    ("notify", "error"): {"api": "malformed_response", "components": "body_mismatch"},
    ("secondment", "up"): {},
    ("secondment", "outage"): dict.fromkeys(("a", "b"), "connect_refused"),
    ("secondment", "slow"): dict.fromkeys(("a", "b"), "deadline"),
    ("secondment", "one_instance_down"): {"a": "connect_refused"},
    ("secondment", "error"): dict.fromkeys(("a", "b"), "http_status"),
}


ACTIVE_SITES = {"up": ["gold"], "outage": [], "slow": [], "maintenance": [], "failover": ["golddr"]}  # by mode


def test_table_above_has_every_mode_of_every_product() -> None:
    products = {(product, mode) for product, statuses in modes.MODES.items() for mode in statuses}
    assert set(EXPECTED_REASONS) == {(product, mode) for product, mode in products if product != modes.UPLINK}


def test_shipped_portfolio_loads_with_a_warning_about_the_capped_claim_only() -> None:
    examined = examine(SHIPPED, CHECK_TYPES)
    assert examined.problems == ()
    (warning,) = examined.warnings
    assert "99.95% is above the claim ceiling of 99.5%" in str(warning)


@pytest.fixture(scope="module")
def portfolio() -> Portfolio:
    return load(SHIPPED, CHECK_TYPES)


def test_simulated_products_equal_the_portfolios(portfolio: Portfolio) -> None:
    assert {product.id for product in portfolio.products} | {modes.UPLINK} == set(modes.MODES)


def test_references_of_the_demo_are_those_of_the_uplink(portfolio: Portfolio) -> None:
    """The demo asks no gateway and no resolver of the machine."""
    ports = {modes.DEFAULT_PORTS[name] for name in modes.MODES[modes.UPLINK]["up"].listeners}
    assert {reference.target for reference in portfolio.references} == {f"127.0.0.1:{port}" for port in ports}
    assert not any(reference.near for reference in portfolio.references)
    assert portfolio.system_references is False


def test_objectives_of_the_demo_are_the_published_ones(portfolio: Portfolio) -> None:
    """Pathfinder SSO publishes 99.95 %, and the draft agreement of CHEFS has the same objective."""
    promised = {product.id: product.objective for product in portfolio.products}
    assert promised["keycloak"] == promised["chefs"] == promised["css"] == Objective.parse("99.95%")


def test_dependencies_of_the_demo(portfolio: Portfolio) -> None:
    needs = {product.id: set(product.depends_on) for product in portfolio.products}
    assert needs["chefs"] == needs["css"] == {"keycloak"}
    assert needs["drop"] == {"notify", "keycloak"}


def test_slow_mode_exceeds_every_timeout_and_faults_show_at_the_first_probe(
    portfolio: Portfolio,
) -> None:
    for _, check in portfolio.checks():
        assert check.timeout < modes.SLOW_DELAY * SECOND
        assert check.fall == 1
        assert check.interval <= 2 * SECOND


async def test_every_mode_gives_the_expected_reasons(portfolio: Portfolio, tmp_path: Path) -> None:
    """The test uses the real prober with the shipped expectations: no fault is reported good, and no health bad."""
    async with (
        Products(script.NONE, SystemClock()) as products,
        probe_environment(SystemClock(), Health()) as (runner, _),
    ):
        path = tmp_path / "demo.yaml"
        path.write_text(launch.render(SHIPPED.read_text(), products.ports, tmp_path / "ninewatch.db"))
        checks = {
            product.id: {check.id: prepare(check) for check in product.checks}
            for product in load(path, CHECK_TYPES).products
        }
        for (product, mode), expected in EXPECTED_REASONS.items():
            await products.set(product, mode)
            deadline = 0.1 if mode == "slow" else 10.0
            attempts = await asyncio.gather(
                *(retry_if_starved(runner, check, deadline) for check in checks[product].values())
            )
            actual = dict(zip(checks[product], (attempt.result for attempt in attempts), strict=True))
            failed = {check: result.reason for check, result in actual.items() if result.reason}
            assert failed == expected, (product, mode, actual)


async def test_active_site_is_the_one_that_answers_as_keycloak(tmp_path: Path) -> None:
    assert set(ACTIVE_SITES) == set(modes.MODES["keycloak"])
    async with (
        Products(script.NONE, SystemClock()) as products,
        probe_environment(SystemClock(), Health()) as (runner, _),
    ):
        path = tmp_path / "demo.yaml"
        path.write_text(launch.render(SHIPPED.read_text(), products.ports, tmp_path / "ninewatch.db"))
        (keycloak,) = (product for product in load(path, CHECK_TYPES).products if product.id == "keycloak")
        for mode, expected in ACTIVE_SITES.items():
            await products.set("keycloak", mode)
            deadline = 0.1 if mode == "slow" else 10.0
            results = [await retry_if_starved(runner, prepare(site.active), deadline) for site in keycloak.sites]
            good = [
                site.id
                for site, attempt in zip(keycloak.sites, results, strict=True)
                if attempt.result.outcome is Outcome.GOOD
            ]
            assert good == expected, mode


def test_css_is_down_by_design_while_keycloak_runs_at_the_other_site(portfolio: Portfolio) -> None:
    (css,) = (product for product in portfolio.products if product.id == "css")
    assert css.down_by_design is not None
    assert css.down_by_design.failover_of == "keycloak"


def test_readiness_has_met_expired_and_missing_attestations(portfolio: Portfolio) -> None:
    """The claim ceiling applies at any time for which the demo was made."""
    objective = next(product.objective for product in portfolio.products if product.id == "css")
    for year in (2026.9, 2035.0):
        now = int((year - 1970) * 365.25 * DAY)
        readiness_by_product = {product.id: product.readiness_at(now) for product in portfolio.products}
        assert readiness_by_product.pop("notify") is None  # the domain belongs to another government
        statuses = [
            one for readiness in readiness_by_product.values() if readiness is not None for one in readiness.statuses
        ]
        assert {(one.met, one.decisive is not None) for one in statuses} == {
            (True, True),
            (False, True),
            (False, False),
        }
        ceilings = {
            name: readiness.ceiling for name, readiness in readiness_by_product.items() if readiness is not None
        }
        assert ceilings["keycloak"] == Fraction("0.99995")
        assert ceilings["chefs"] == ceilings["secondment"] == Fraction("0.9995")
        css = readiness_by_product["css"]
        assert css is not None
        assert css.limit_text(objective) == (
            "objective 99.95%; this design can claim 99.5% at most, because there is no disaster recovery"
        )
        assert remedy_text(css) == 'With evidence for "Failover to GoldDR", the ceiling would be 99.95%'
