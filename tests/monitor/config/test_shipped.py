"""Shipped files: the real portfolio is valid, editors accept it, and the generated files are up to date."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml
from jsonschema import Draft202012Validator

from monitor.config.loader import LoadResult, examine
from monitor.config.reference import with_reference
from monitor.config.schema import schema, schema_file
from monitor.package_files import shipped_path
from monitor.probes.registry import CHECK_TYPES
from monitor.receivers.registry import RECEIVER_TYPES
from tests.monitor.config.kinds import KINDS, MINIMAL

CALENDAR = "BEGIN:VCALENDAR\nBEGIN:VEVENT\nUID:1\nDTSTART:20261206T100000Z\nDURATION:PT2H\nEND:VEVENT\nEND:VCALENDAR\n"

ROOT = Path(__file__).resolve().parents[3]
SHIPPED = sorted([*(ROOT / "config").glob("*.yaml"), *(ROOT / "config" / "products").glob("*.yaml")])


@pytest.fixture(scope="module")
def examined_portfolio() -> LoadResult:
    return examine(ROOT / "config" / "ninewatch.yaml", CHECK_TYPES)


def test_real_portfolio_loads_without_secrets(examined_portfolio: LoadResult) -> None:
    """There is one warning for each objective above its hosting tier, and no other warning."""
    assert examined_portfolio.portfolio is not None, examined_portfolio.problems
    warnings = [str(warning).partition("yaml:")[2].partition(" offers")[0] for warning in examined_portfolio.warnings]
    assert [warning.partition(": ")[2].partition(" (")[0] for warning in warnings] == [
        "products.chefs.objective: 99.95% is above what the hosting tier silver",
        "products.css.objective: 99.95% is above what the hosting tier gold",
    ]
    ids = {product.id for product in examined_portfolio.portfolio.products}
    assert ids >= {"chefs", "keycloak", "css", "drop", "notify"}


def test_config_folder_is_the_portfolio_without_the_demo(examined_portfolio: LoadResult) -> None:
    assert examine(ROOT / "config", CHECK_TYPES).portfolio == examined_portfolio.portfolio


def test_demo_configuration_loads() -> None:
    result = examine(shipped_path("config", "demo.yaml"), CHECK_TYPES)
    assert result.portfolio is not None, result.problems


def test_every_check_of_the_real_portfolio_examines_the_body(examined_portfolio: LoadResult) -> None:
    """Maintenance pages and "ready: false" have status 200."""
    assert examined_portfolio.portfolio is not None
    checks_without_body = [
        f"{product.id}/{check.id}"
        for product, check in examined_portfolio.portfolio.checks()
        if check.kind == "http" and not check.expect.needs_body  # type: ignore[attr-defined]
    ]
    assert checks_without_body == []


@pytest.mark.parametrize("path", SHIPPED, ids=[path.name for path in SHIPPED])
def test_shipped_file_matches_the_schema(path: Path) -> None:
    assert not list(Draft202012Validator(schema(CHECK_TYPES)).iter_errors(_as_json(path.read_text("utf-8"))))


def _as_json(text: str) -> object:
    """Return YAML as an editor's language server reads it, where a date is text."""
    return yaml.safe_load(re.sub(r"(until: )(\d{4}-\d\d-\d\d)", r'\1"\2"', text))


def test_schema_is_valid() -> None:
    Draft202012Validator.check_schema(schema(KINDS))


@pytest.mark.parametrize(
    ("original", "replacement"),
    [
        ("interval: 1s", "intervall: 1s"),
        ("interval: 1s", "interval: 1"),
        ("interval: 1s", "interval: 1 parsec"),
        ("id: health", "id: Health!"),
        ("http:", "htpp:"),
        ("99.9%", "[99.9]"),
        ("listen", "lissten"),
        ("interval: 1s", "expect: {status: {}}"),
        ("interval: 1s", "expect: {json: 5}"),
        ("interval: 1s", "bearer: hunter2"),
        ("interval: 1s", "fall: 0"),
    ],
)
def test_schema_and_loader_reject_the_same_mistake(original: str, replacement: str, tmp_path: Path) -> None:
    validator = Draft202012Validator(schema(KINDS))
    assert validator.is_valid(yaml.safe_load(MINIMAL))
    text = MINIMAL.replace(original, replacement)
    (tmp_path / "c.yaml").write_text(text)
    assert examine(tmp_path / "c.yaml", KINDS).problems
    assert not validator.is_valid(yaml.safe_load(text))


def test_every_key_has_a_description_in_the_schema() -> None:
    """The description may be in the block that the key refers to."""
    json_schema = schema(CHECK_TYPES)
    blocks = {"": json_schema, **json_schema["$defs"]}
    undescribed = [
        f"{name}.{key}"
        for name, block in blocks.items()
        for key, value in block.get("properties", {}).items()
        if "description" not in value and "$ref" not in value
    ]
    assert not undescribed


def test_generated_files_are_up_to_date() -> None:
    """Run `make generate` when this fails."""
    reference = (ROOT / "CONFIGURATION.md").read_text("utf-8")
    assert (ROOT / "config" / "schema.json").read_text("utf-8") == schema_file(CHECK_TYPES, RECEIVER_TYPES)
    assert with_reference(reference, CHECK_TYPES, RECEIVER_TYPES) == reference


def test_blocks_with_the_same_key_have_tables_with_different_titles() -> None:
    reference = (ROOT / "CONFIGURATION.md").read_text("utf-8")
    titles = [line for line in reference.splitlines() if line.startswith("### ")]
    assert {"### `steps` of `budget_policy`", "### `steps` of `escalations`"} <= set(titles)
    assert len(titles) == len(set(titles))


def test_reference_without_its_marks_is_reported() -> None:
    with pytest.raises(ValueError, match=r"CONFIGURATION\.md needs the lines <!-- begin"):
        with_reference("# Configuration\n", KINDS)


@pytest.mark.parametrize(
    "block", re.findall(r"```yaml\n(.*?)```", (ROOT / "CONFIGURATION.md").read_text("utf-8"), re.S)
)
def test_example_in_the_reference_is_valid(block: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An example is a full file, or keys of a check or of a product."""
    (tmp_path / "secret").write_text("s3cret-value")
    (tmp_path / "platform.ics").write_text(CALENDAR)
    for name in ("CHEFS_TOKEN", "NOTIFY_KEY"):
        monkeypatch.setenv(name, "s3cret-value")
    block = block.replace("/run/secrets/chefs", str(tmp_path / "secret"))
    (tmp_path / "c.yaml").write_text(_complete_example(block))
    assert not examine(tmp_path / "c.yaml", CHECK_TYPES).problems


def _complete_example(block: str) -> str:
    if "products:" in block:
        return block
    head = "products:\n  - id: p\n    objective: 99%\n"
    if "readiness:" in block:
        inner = "".join(f"    {line}\n" for line in block.splitlines())
        return f"{head}{inner}    checks: [{{id: c, tcp: 'h:1'}}]\n"
    inner = "".join(f"        {line}\n" for line in block.splitlines())
    return f"{head}    checks:\n      - id: c\n        http: http://h/\n{inner}"
