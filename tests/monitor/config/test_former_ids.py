"""`was:` former ids of products and checks, and contradictions in them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from monitor.config.former_ids import FormerIdMap
from tests.monitor.config.kinds import examine_text, load_text

if TYPE_CHECKING:
    from pathlib import Path

TWO_PRODUCTS = """\
products:
- {id: forms%s, objective: 99.9%%, checks: [{id: page%s, tcp: "h:1"}, {id: api%s, tcp: "h:1"}]}
- {id: sso%s, objective: 99.9%%, checks: [{id: page, tcp: "h:1"}]}
"""


def test_former_ids_map_to_present_keys(tmp_path: Path) -> None:
    """Every combination of the product's and the check's ids is mapped, because either may have been renamed first."""
    former_ids = FormerIdMap.of(load_text(tmp_path, TWO_PRODUCTS % (", was: chefs", ", was: [health, web]", "", "")))
    assert former_ids.products == {"chefs": "forms"}
    assert former_ids.checks == {
        "forms/health": "forms/page",
        "forms/web": "forms/page",
        "chefs/page": "forms/page",
        "chefs/health": "forms/page",
        "chefs/web": "forms/page",
        "chefs/api": "forms/api",
    }


def test_without_former_ids_nothing_is_renamed(tmp_path: Path) -> None:
    assert FormerIdMap.of(load_text(tmp_path, TWO_PRODUCTS % ("", "", "", ""))) == FormerIdMap()


@pytest.mark.parametrize(
    ("fields", "key_path", "expected_text"),
    [
        ((", was: forms", "", "", ""), "products.forms.was", "is the current id"),
        ((", was: sso", "", "", ""), "products.forms.was", '"sso" is the id of another product'),
        ((", was: [old, sso]", "", "", ""), "products.forms.was[1]", '"sso" is the id of another product'),
        (
            (", was: old", "", "", ", was: [older, old]"),
            "products.sso.was[1]",
            '"old" is already listed as a former id at',
        ),
        (("", ", was: api", "", ""), "products.forms.checks.page.was", '"api" is the id of another check'),
        (("", ", was: page", "", ""), "products.forms.checks.page.was", "is the current id"),
        (("", ", was: x", ", was: x", ""), "products.forms.checks.api.was", '"x" is already listed as a former id at'),
        (("", ", was: [x, x]", "", ""), "products.forms.checks.page.was[1]", '"x" is already listed as a former id at'),
        (("", ", was: 5", "", ""), "products.forms.checks.page", "not a former id"),
        (("", ", was: 'A B'", "", ""), "products.forms.checks.page", "not a former id"),
        (("", ", was: []", "", ""), "products.forms.checks.page", "is empty"),
        (("", ", was: [old, 'A B']", "", ""), "products.forms.checks.page", "A B"),
    ],
)
def test_contradiction_is_reported_at_its_key(
    tmp_path: Path, fields: tuple[str, ...], key_path: str, expected_text: str
) -> None:
    result = examine_text(tmp_path, TWO_PRODUCTS % fields)
    assert result.portfolio is None
    assert [key_path in str(problem) and expected_text in str(problem) for problem in result.problems] == [True], (
        result.problems
    )


def test_same_former_id_in_two_products_maps_to_two_checks(tmp_path: Path) -> None:
    text = (TWO_PRODUCTS % ("", ", was: web", "", "")).replace("{id: page, tcp", "{id: page, was: web, tcp")
    assert FormerIdMap.of(load_text(tmp_path, text)).checks == {"forms/web": "forms/page", "sso/web": "sso/page"}
