"""Warnings about expected failovers of a product whose site changes are not observed."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.monitor.config.kinds import examine_text

if TYPE_CHECKING:
    from pathlib import Path

WINDOW = {"start": "2026-12-06T02:00", "end": "2026-12-06T04:00", "reason": "switch", "dr_expected": True}
SITES = [
    {"id": name, "active": {"id": f"{name}-active", "http": "http://127.0.0.1:1/", "expect": {"header": {"X": name}}}}
    for name in ("gold", "dr")
]


def warnings(folder: Path, **keys: Any) -> list[str]:
    product = {"id": "sso", "objective": "99%", "checks": [{"id": "page", "http": "http://127.0.0.1:1/"}], **keys}
    return [str(warning) for warning in examine_text(folder, json.dumps({"products": [product]})).warnings]


@pytest.mark.parametrize(
    ("keys", "key"),
    [
        ({"failover": {"within": "15m"}}, "sso.failover.within"),
        ({"maintenance": [WINDOW]}, "maintenance[0].dr_expected"),
    ],
)
def test_failover_without_two_sites_has_a_warning(tmp_path: Path, keys: dict[str, Any], key: str) -> None:
    for sites in ([], SITES[:1]):
        (warning,) = [text for text in warnings(tmp_path, **keys, sites=sites) if "failovers are not observed" in text]
        assert key in warning
    assert not [text for text in warnings(tmp_path, **keys, sites=SITES) if "failovers are not observed" in text]
