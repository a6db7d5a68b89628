"""The receivers that an alert is sent to, and invalid routes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from monitor.commands.config_option import examine_config
from monitor.config.routing import receiver_ids_for
from sla.interval import HOUR, SECOND
from sla.product_incident import Severity

if TYPE_CHECKING:
    from monitor.config.model import Portfolio

SATURDAY = 1_790_424_000 * SECOND  # 2026-09-26T12:00Z
CHECK = {"id": "health", "http": "https://example.org/health"}


def product(name: str, **fields: Any) -> dict[str, Any]:
    return {"id": name, "objective": "99.9%", "checks": [CHECK], **fields}


def hook(name: str, **fields: Any) -> dict[str, Any]:
    return {"id": name, "webhook": f"https://ops.example.org/{name}", **fields}


def examine(folder: Path, **config: Any) -> Any:
    path = folder / "ninewatch.yaml"
    config = {"products": [product("forms"), product("sso")], "receivers": [hook("ops"), hook("team")], **config}
    path.write_text(json.dumps(config))
    return examine_config(path)


def problems(folder: Path, **config: Any) -> list[str]:
    return [str(problem).split("ninewatch.yaml:")[1] for problem in examine(folder, **config).problems]


def load(folder: Path, **config: Any) -> Portfolio:
    result = examine(folder, **config)
    assert result.problems == ()
    portfolio: Portfolio = result.portfolio
    return portfolio


def receivers_for(
    portfolio: Portfolio, name: str, severity: Severity = Severity.PAGE, now: int | None = None
) -> list[str]:
    product_of_alert = next(product for product in portfolio.products if product.id == name)
    return receiver_ids_for(portfolio, product_of_alert, severity, now)


def test_without_routes_pages_and_tickets_are_sent_to_all_receivers(tmp_path: Path) -> None:
    portfolio = load(tmp_path)
    assert receivers_for(portfolio, "forms") == receivers_for(portfolio, "forms", Severity.TICKET) == ["ops", "team"]
    assert receivers_for(portfolio, "forms", Severity.NOTE) == []


def test_heartbeat_only_receiver_gets_no_alerts(tmp_path: Path) -> None:
    snitch = {"id": "snitch", "healthchecks": "https://hc.example.org/ping/1"}
    portfolio = load(tmp_path, receivers=[hook("ops"), snitch], alerting={"heartbeat": {"to": "snitch"}})
    assert receivers_for(portfolio, "forms") == ["ops"]


@pytest.mark.parametrize(
    ("route", "matching", "other"),
    [
        ({"products": ["forms"]}, "forms", "sso"),
        ({"teams": ["CoCo"]}, "forms", "sso"),
        ({"stages": ["pilot"]}, "sso", "forms"),
    ],
)
def test_route_matches_products_teams_and_stages(
    tmp_path: Path, route: dict[str, Any], matching: str, other: str
) -> None:
    products = [product("forms", team="CoCo"), product("sso", stage="pilot")]
    routes = [{"to": "ops", **route}, {"to": ["team"], "severities": ["ticket"]}]
    portfolio = load(tmp_path, products=products, routes=routes)
    assert receivers_for(portfolio, matching) == ["ops"]
    assert receivers_for(portfolio, other) == []
    assert receivers_for(portfolio, matching, Severity.TICKET) == ["ops", "team"]
    assert receiver_ids_for(portfolio, None, Severity.TICKET) == ["team"], (
        "an alert about the monitor itself names no product"
    )


def test_route_may_be_limited_to_hours(tmp_path: Path) -> None:
    routes = [{"to": "team", "hours": "Mon-Fri 08:00-17:00"}, {"to": "ops"}]
    portfolio = load(tmp_path, routes=routes, time_zone="UTC")
    assert receivers_for(portfolio, "forms", now=SATURDAY) == ["ops"]
    assert receivers_for(portfolio, "forms", now=SATURDAY + 48 * HOUR) == ["team", "ops"]
    assert receivers_for(portfolio, "forms") == ["team", "ops"]


@pytest.mark.parametrize(
    ("config", "place", "message"),
    [
        ({"routes": [{"to": "opps"}]}, "routes[0].to", 'unknown receiver "opps"; known receivers: ops, team'),
        ({"routes": [{"to": "ops", "products": ["frms"]}]}, "routes[0].products[0]", 'unknown product "frms"'),
        ({"receivers": [hook("ops"), hook("ops")]}, "receivers.ops.id", "is already the id of a receiver"),
        ({"receivers": [hook("ops", depends_on=["mail"])]}, "receivers.ops.depends_on[0]", 'unknown product "mail"'),
        ({"alerting": {"heartbeat": {"to": "snitch"}}}, "alerting.heartbeat.to", 'unknown receiver "snitch"'),
        (
            {"receivers": [{"id": "chat", "slack": "https://s.example"}], "alerting": {"heartbeat": {"to": "chat"}}},
            "alerting.heartbeat.to",
            "accepts no heartbeat",
        ),
        (
            {"alerting": {"reports": [{"to": "opps"}]}},
            "alerting.reports[0].to",
            'unknown receiver "opps"; known receivers: ops, team',
        ),
        (
            {
                "receivers": [hook("ops"), hook("team"), {"id": "am", "alertmanager": "https://a.example"}],
                "alerting": {"reports": [{"to": "am"}]},
            },
            "alerting.reports[0].to",
            '"am" accepts no reports; use a chat',
        ),
        (
            {"alerting": {"monthly_reports": [{"to": "opps"}]}},
            "alerting.monthly_reports[0].to",
            'unknown receiver "opps"; known receivers: ops, team',
        ),
        (
            {"alerting": {"monthly_reports": [{"to": "ops", "products": ["frms"]}]}},
            "alerting.monthly_reports[0].products[0]",
            'unknown product "frms"',
        ),
        (
            {"alerting": {"monthly_reports": [{"to": "ops"}, {"to": "team"}, {"to": "ops"}]}},
            "alerting.monthly_reports[2].to",
            '"ops" already gets a monthly report; list all its products in one entry',
        ),
        (
            {"alerting": {"monthly_reports": [{"to": "ops", "at": "31 08:00"}]}},
            "alerting.monthly_reports[0].at",
            'not a day of the month from 1 to 28 and a time; use "1 08:00"',
        ),
        ({"alerting": {"reports": [{"to": "ops", "at": "Mon 8am"}]}}, "alerting.reports[0].at", 'use "Mon 08:00"'),
        ({"alerting": {"reports": [{"to": "ops", "at": "Mon 24:00"}]}}, "alerting.reports[0].at", "not a weekday"),
        ({"alerting": {"reports": [{"to": "ops", "every": "day"}]}}, "alerting.reports[0].every", "week"),
        ({"routes": [{"to": 3}]}, "routes[0].to", "not a receiver"),
        ({"receivers": [{"id": "ops", "webhok": "https://x.example"}]}, "receivers.ops", "did you mean webhook?"),
        (
            {"receivers": [hook("ops", slack="https://s.example")]},
            "receivers.ops",
            "has keys of 2 kinds, webhook and slack",
        ),
        ({"receivers": [hook("ops", methd="PUT")]}, "receivers.ops.methd", "did you mean method?"),
    ],
)
def test_mistake_is_reported_with_its_position(
    tmp_path: Path, config: dict[str, Any], place: str, message: str
) -> None:
    (problem,) = problems(tmp_path, **config)
    assert f": {place}: " in problem
    assert message in problem


def test_receiver_that_depends_on_the_alerting_product_is_rejected(tmp_path: Path) -> None:
    """Direct and indirect dependencies are rejected."""
    (problem,) = problems(tmp_path, receivers=[hook("ops", depends_on=["sso"])])
    assert 'receivers.ops.depends_on: pages about "sso" depend on "sso"' in problem
    products = [product("forms", depends_on=["sso"]), product("sso")]
    all_problems = problems(tmp_path, products=products, receivers=[hook("ops", depends_on=["forms"])])
    assert len(all_problems) == 1 or all("depend on" in problem for problem in all_problems)
    assert any('pages about "sso" depend on "forms", which depends on "sso"' in problem for problem in all_problems)


def test_dependent_receiver_is_accepted_if_another_receiver_gets_the_page(tmp_path: Path) -> None:
    receivers = [hook("ops", depends_on=["sso"]), hook("team")]
    assert problems(tmp_path, receivers=receivers) == []
    routes: list[dict[str, Any]] = [{"to": "team"}, {"to": "ops", "products": ["sso"]}]
    (problem,) = problems(tmp_path, receivers=receivers, routes=routes)
    assert "receivers.ops.depends_on" in problem


def test_unrouted_pages_and_unused_receivers_get_warnings(tmp_path: Path) -> None:
    result = examine(tmp_path, routes=[{"to": "ops", "products": ["forms"]}])
    warnings = [str(warning) for warning in result.warnings]
    assert any("products.sso.id: no route matches its pages" in warning for warning in warnings)
    assert any("receivers.team.id: no route uses this receiver" in warning for warning in warnings)
