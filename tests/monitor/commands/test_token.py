"""`ninewatch token`: create, list and revoke."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from monitor.access.tokens import TokenFile
from monitor.cli import cli
from monitor.clock import SystemClock
from monitor.errors import NinewatchError
from sla.interval import DAY, MINUTE


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "ninewatch.yaml"
    checks = [{"id": "health", "http": "https://example.org/"}]
    products = [{"id": name, "objective": "99.9%", "checks": checks} for name in ("forms", "sso")]
    path.write_text(json.dumps({"store": str(tmp_path / "record.db"), "products": products}))
    return path


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(cli, ["token", *map(str, arguments)])


def token_file(config: Path) -> TokenFile:
    return TokenFile.of(config.parent / "record.db")


def test_new_token_is_printed_alone_and_works_immediately(config: Path) -> None:
    result = run("create", "ci", "--scope", "alerts:write", "--by", "Ada", "-c", config)
    assert result.exit_code == 0
    text = result.stdout.removesuffix("\n")
    actual = token_file(config).find(text)
    assert actual is not None
    assert (actual.name, actual.author, sorted(actual.scopes)) == ("ci", "Ada", ["alerts:write"])
    assert text not in result.stderr
    assert "cannot be printed again" in result.stderr


def test_list_shows_limits_and_no_tokens_or_hashes(config: Path) -> None:
    arguments = ("--scope", "alerts:write", "--scope", "alerts:read", "--product", "sso", "--expires", "90d")
    text = run("create", "ci", *arguments, "-c", config).stdout.strip()
    for output in (run("list", "-c", config).output, run("list", "--json", "-c", config).output):
        assert "ci" in output
        assert text not in output
        assert json.loads(token_file(config).path.read_text())["sha256"] not in output
    data = json.loads(run("list", "--json", "-c", config).output)
    assert (data["scopes"], data["products"], data["valid"]) == (["alerts:read", "alerts:write"], ["sso"], True)
    expires = next(iter(token_file(config).tokens().values())).expires
    assert expires is not None
    assert abs(expires - SystemClock().now() - 90 * DAY) < 10 * MINUTE


@pytest.mark.parametrize("by", ["name", "id"])
def test_revoked_token_is_rejected_and_stays_listed(config: Path, by: str) -> None:
    text = run("create", "ci", "--scope", "read", "-c", config).stdout.strip()
    token = token_file(config).find(text)
    assert token is not None
    result = run("revoke", token.name if by == "name" else token.id, "--by", "Bob", "-c", config)
    assert (result.exit_code, result.output) == (0, f"revoked {token.id} ci\n")
    after = token_file(config).find(text)
    assert after is not None
    assert after.refusal(SystemClock().now()) == "revoked"
    assert "(revoked)" in run("list", "-c", config).output
    assert isinstance(run("revoke", "ci", "-c", config).exception, NinewatchError)


def test_name_can_be_reused_after_its_token_is_revoked(config: Path) -> None:
    arguments = ("create", "ci", "--scope", "read", "-c", config)
    assert run(*arguments).exit_code == 0
    assert "valid token" in str(run(*arguments).exception)
    run("revoke", "ci", "-c", config)
    assert run(*arguments).exit_code == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("create", "ci", "--scope", "read", "--expires", "soon"), "--expires"),
        (("create", "ci", "--scope", "read", "--expires", "2020-01-01T00:00:00Z"), "past"),
        (("create", "ci", "--scope", "read", "--expires", "999999w"), "2255"),
        (("create", "ci", "--scope", "alerts:write", "--product", "nobody"), 'unknown product "nobody"'),
        (("create", "ci", "--scope", "read", "--product", "forms"), "`read`"),
        (("create", " ", "--scope", "read"), "NAME is empty"),
        (("create", "a\nb", "--scope", "read"), "NAME is empty"),
        (("create", "x" * 101, "--scope", "read"), "longer than 100"),
        (("create", "ci", "--scope", "read", "--by", ""), "--by"),
        (("revoke", "ci"), 'unknown token "ci"; there are no valid tokens'),
    ],
)
def test_mistake_is_an_error_with_a_remedy(config: Path, arguments: tuple[str, ...], message: str) -> None:
    result = run(*arguments, "-c", config)
    assert isinstance(result.exception, NinewatchError)
    assert message in str(result.exception)
    assert token_file(config).tokens() == {}


@pytest.mark.parametrize(
    "arguments", [("create", "ci"), ("create", "ci", "--scope", "all"), ("create", "--scope", "read")]
)
def test_token_needs_a_name_and_a_known_scope(config: Path, arguments: tuple[str, ...]) -> None:
    assert run(*arguments, "-c", config).exit_code == 2


def test_empty_list_is_reported(config: Path) -> None:
    assert run("list", "-c", config).output == "no tokens\n"
