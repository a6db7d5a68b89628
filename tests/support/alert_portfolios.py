"""Portfolios with receivers, and outages of their products."""

from __future__ import annotations

from typing import Any

from monitor.config.model import Portfolio
from tests.support.alerting import BAD, GOOD, AlertingHarness
from tests.support.ledgers import product
from tests.support.messages import receiver

OPS = {"id": "ops", "webhook": "https://ops.example.org/hook"}
TEAM = {"id": "team", "slack": "https://hooks.example.org/team"}


def forms(**fields: Any) -> dict[str, object]:
    return product("forms", fields.pop("checks", 1), "99%", **fields)


def portfolio(*products: dict[str, object], receivers: tuple[dict[str, Any], ...] = (OPS,), **fields: Any) -> Portfolio:
    configured = tuple(receiver(**keys) for keys in receivers)
    return Portfolio.model_validate({"products": products, "receivers": configured, **fields})


async def start_outage(harness: AlertingHarness, key: str = "forms/health") -> None:
    harness.observe(GOOD, BAD, BAD, key=key)
    await harness.written()


async def end_outage(harness: AlertingHarness, key: str = "forms/health") -> None:
    harness.observe(GOOD, GOOD, key=key)
    await harness.written()
