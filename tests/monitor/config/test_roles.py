"""Keys of vantages and centres: which ones belong together, and where the mistakes are reported."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from monitor.config.roles import checks_digest
from tests.monitor.config.test_loader import load_text, problems_of

if TYPE_CHECKING:
    from pathlib import Path

PRODUCTS = 'products:\n  - {id: p, objective: 99%, checks: [{id: c, tcp: "h:1"}]}\n'
CENTRE = 'centre: {urls: ["https://c.example:9443"], token: {file: token}}\n'
INTAKE = 'intake: {listen: "127.0.0.1:9443"}\n'


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("role: vantage\n", "role: is vantage, which requires `centre`"),
        ("role: centre\n", "role: is centre, which requires `intake`"),
        (CENTRE, "centre: is for vantages only; add `role: vantage`"),
        (INTAKE, "intake: is for centres only; add `role: centre`"),
        (f"role: vantage\n{CENTRE}{INTAKE}", "intake: is for centres only"),
        ("vantages: [{id: east}]\n", "vantages: east has no `observations`; add its file, or `role: centre`"),
        (f"role: vantage\n{CENTRE}vantages: [{{id: east}}]\n", "vantages: belongs to the centre"),
        ("role: other\n", "role: "),
        (f"role: vantage\n{CENTRE.replace('https', 'http')}", "is not encrypted; use an https URL"),
        (f"role: vantage\n{CENTRE.replace(':9443', ':9443/x')}", "has a path; specify the address only"),
        ('role: centre\nintake: {listen: "127.0.0.1:9443", client_ca: ca.pem}\n', "ca.pem"),
        (f"role: vantage\n{CENTRE.replace('token}}', 'token}, keep: 10m}')}", "between 1h and 90d"),
    ],
)
def test_mistake_is_reported_with_a_remedy(tmp_path: Path, text: str, problem: str) -> None:
    (tmp_path / "token").write_text("nw_token\n")
    assert any(problem in line for line in problems_of(tmp_path, text + PRODUCTS)), problems_of(
        tmp_path, text + PRODUCTS
    )


def test_vantages_of_a_centre_need_no_file(tmp_path: Path) -> None:
    loaded = load_text(
        tmp_path, f"role: centre\n{INTAKE}vantages: [{{id: east}}, {{id: west}}]\nquorum: 2 of 3\n{PRODUCTS}"
    )
    assert [vantage.observations for vantage in loaded.vantages] == [None, None]


def test_digest_depends_on_the_checks_only(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("nw_token\n")
    centre = load_text(tmp_path, f"role: centre\n{INTAKE}vantages: [{{id: east}}]\n{PRODUCTS}")
    vantage = load_text(tmp_path, f"role: vantage\n{CENTRE}title: east\n{PRODUCTS}")
    other = load_text(tmp_path, f"role: vantage\n{CENTRE}{PRODUCTS.replace('h:1', 'h:2')}")
    assert checks_digest(centre) == checks_digest(vantage) != checks_digest(other)
