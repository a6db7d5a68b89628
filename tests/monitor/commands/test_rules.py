"""`ninewatch rules` and the configuration that it reads: links of alerts start where people reach the pages."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from monitor.config.loader import load
from monitor.errors import NinewatchError
from monitor.exporters.rules import rules_file
from monitor.probes.registry import CHECK_TYPES
from tests.monitor.commands.test_cli import said

CHECK = "{id: front, http: 'http://127.0.0.1:9/', interval: 30s}"


def written(folder: Path, top: str = "", objective: str = "99.9%", check: str = CHECK) -> Path:
    path = folder / "mine.yaml"
    path.write_text(f"{top}\nproducts:\n- {{id: demo, objective: {objective}, checks: [{check}]}}\n")
    return path


def rules(text: str) -> list[dict[str, object]]:
    return [rule for group in yaml.safe_load(text)["groups"] for rule in group["rules"]]


def test_without_a_configuration_the_shipped_rules_are_printed() -> None:
    assert rules(said("rules").stdout) == rules(rules_file())


@pytest.mark.parametrize("given", ["https://status.example.org", "https://status.example.org/"])
def test_the_configurations_public_url_starts_every_link(tmp_path: Path, given: str) -> None:
    printed = rules(said("rules", "-c", written(tmp_path, f"public_url: {given}")).stdout)
    links = {
        str(rule["alert"]): (rule["annotations"]["runbook_url"], rule["annotations"]["page_url"])  # type: ignore[index]
        for rule in printed
    }
    assert links["NinewatchProductDown"] == (
        "https://status.example.org/runbook#NinewatchProductDown",
        "https://status.example.org/products/{{ $labels.product }}",
    )
    assert all(url.startswith("https://status.example.org/") for pair in links.values() for url in pair)


def test_an_option_wins_and_the_interval_is_that_of_every_group(tmp_path: Path) -> None:
    path = written(tmp_path, "public_url: https://one.example.org")
    printed = said("rules", "-c", path, "--public-url", "http://two.example.org:8080", "--interval", "1m").stdout
    assert "one.example.org" not in printed
    assert "http://two.example.org:8080/runbook#Watchdog" in printed
    assert {group["interval"] for group in yaml.safe_load(printed)["groups"]} == {"1m"}


def test_a_configuration_without_public_url_is_refused_with_the_remedy(tmp_path: Path) -> None:
    result = said("rules", "-c", written(tmp_path))
    assert isinstance(result.exception, NinewatchError)
    assert "no public_url; add it, or specify --public-url" in str(result.exception)


@pytest.mark.parametrize("wrong", ["status.example.org", "https://h/nw", "https://h?x=1", "https://u:p@h", "ftp://h"])
def test_what_is_no_public_url_is_refused_everywhere(tmp_path: Path, wrong: str) -> None:
    assert said("rules", "--public-url", wrong).exit_code == 2
    found = said("check-config", written(tmp_path, f'public_url: "{wrong}"'))
    assert found.exit_code == 1
    assert "mine.yaml:1:" in found.stderr
    assert "public_url" in found.stderr


def test_an_interval_that_is_none_is_refused() -> None:
    assert said("rules", "--interval", "often").exit_code == 2


def test_public_url_is_kept_without_its_slash(tmp_path: Path) -> None:
    path = written(tmp_path, "public_url: https://status.example.org:8443/")
    assert load(path, CHECK_TYPES).public_url == "https://status.example.org:8443"


@pytest.mark.parametrize(
    ("objective", "check", "warned"),
    [
        ("99.9%", CHECK, []),
        ("90%", CHECK, ["NinewatchBudgetBurnsFast cannot fire: it needs a burn rate of 14.4"]),
        (
            "80%",
            CHECK,
            [
                "NinewatchBudgetBurnsFast cannot fire: it needs a burn rate of 14.4",
                "NinewatchBudgetBurns cannot fire: it needs a burn rate of 6",
            ],
        ),
        (
            "95%",
            "{id: front, http: 'http://127.0.0.1:9/', interval: 1h}",
            ["NinewatchBudgetBurnsFast cannot fire: it needs 2 bad observations within 1h"],
        ),
    ],
)
def test_check_config_warns_of_a_burn_alert_that_can_never_fire(
    tmp_path: Path, objective: str, check: str, warned: list[str]
) -> None:
    found = said("check-config", written(tmp_path, objective=objective, check=check))
    assert found.exit_code == 0
    lines = [line for line in found.stderr.splitlines() if "cannot fire" in line]
    assert len(lines) == len(warned)
    for line, expected in zip(sorted(lines), sorted(warned), strict=True):
        assert line.startswith(f"warning: {tmp_path}/mine.yaml:3:")
        assert f"products.demo.objective: {expected}" in line
