"""A bundle's figures are recomputed from the bundle alone, and every change to it is reported."""

from __future__ import annotations

import io
import json
import subprocess
import sys
import zipfile
from pathlib import Path
from random import Random
from typing import Any

import pytest
from click.testing import CliRunner, Result

from monitor.bundle.archive import MAX_BYTES, UnusableBundleError, pack, unpack
from monitor.bundle.manifest import NAME
from monitor.bundle.rows import fact_row
from monitor.bundle.verification import Verification, verify_bundle
from monitor.cli import cli
from monitor.errors import NinewatchError
from sla.fact import Fact
from sla.interval import DAY, HOUR
from sla.window import format_instant
from tests.monitor.bundle.worlds import World, forge, pack_with_manifest, world, write_bundle
from tests.monitor.reporting import month


def verify(content: bytes, folder: Path) -> Verification:
    path = folder / "bundle.zip"
    path.write_bytes(content)
    return verify_bundle(path)


def run(*arguments: object) -> Result:
    return CliRunner().invoke(cli, [str(argument) for argument in arguments], catch_exceptions=False)


@pytest.fixture(scope="module")
def small_bundle(tmp_path_factory: pytest.TempPathFactory) -> World:
    return world(7, tmp_path_factory.mktemp("small"), days=0.2)


@pytest.mark.parametrize("seed", range(6))
def test_every_figure_of_a_random_record_is_recomputed(seed: int, tmp_path: Path) -> None:
    random, actual = Random(seed), world(seed, tmp_path)  # noqa: S311 - reproducible
    at = random.choice([actual.end, actual.end - random.randint(1, 40) * HOUR - 17])
    for product, window in (("web", "month"), ("all", random.choice(["36h", "day", "week"]))):
        checked = verify(write_bundle(actual, product, window, at), tmp_path)
        assert checked.is_valid, checked.as_json()
        assert checked.equal_values > 100


def test_random_records_have_pauses_and_maintenance_with_terms(tmp_path: Path) -> None:
    """Without them, the test above would not show that their figures are recomputed."""
    content = unpack(write_bundle(world(2, tmp_path), "all", "month"), "bundle")
    kinds = {json.loads(line)["kind"] for line in content["facts.jsonl"].splitlines()}
    assert {"pause", "pause_end", "maintenance_window", "maintenance_approval"} <= kinds
    parts = {json.loads(line)["part"] for line in content["figures.jsonl"].splitlines()}
    assert {"exclusion", "maintenance_not_excluded"} <= parts


def test_random_records_count_degraded_time(tmp_path: Path) -> None:
    """Without counted degraded time, the test of random records would not show that it is recomputed."""
    content = unpack(write_bundle(world(0, tmp_path), "all", "week"), "bundle")
    figures = [json.loads(line)["value"] for line in content["figures.jsonl"].splitlines()]
    counted = [figure["degraded_seconds"]["low"] for figure in figures if "degraded_seconds" in (figure or {})]
    assert max(counted) > 0


def test_bundle_of_a_record_and_instant_has_the_same_bytes_later(tmp_path: Path) -> None:
    config, store = month.record(tmp_path, close=False)
    arguments = (
        "report",
        "-c",
        config,
        "--product",
        "forms",
        "--window",
        "2d",
        "--at",
        month.MIDDLE,
        "--format",
        "json",
    )
    first, second = tmp_path / "a.zip", tmp_path / "b.zip"
    assert run(*arguments, "--bundle", first).exit_code == 0
    store.close()
    assert run(*arguments, "--bundle", second).exit_code == 0
    assert first.read_bytes() == second.read_bytes()


def test_bundle_is_written_next_to_the_report_and_verifies_without_the_record(tmp_path: Path) -> None:
    """The verification runs in another folder, without the configuration and the record."""
    config, _ = month.record(tmp_path)
    report, apart = tmp_path / "forms.json", tmp_path / "apart"
    apart.mkdir()
    arguments = ("report", "-c", config, "--product", "forms", "--at", month.MIDDLE, "-o", report, "--bundle")
    result = run(*arguments)
    assert result.exit_code == 0
    assert str(tmp_path / "forms.bundle.zip") in result.stderr
    moved = (tmp_path / "forms.bundle.zip").rename(apart / "forms.bundle.zip")
    for path in (config, tmp_path / "record.db"):
        path.unlink()
    command = [sys.executable, "-m", "monitor", "verify", str(moved), "--json"]
    root = Path(__file__).parents[3]
    answer = subprocess.run(command, cwd=apart, capture_output=True, text=True, env={"PYTHONPATH": str(root)})
    assert answer.returncode == 0, answer.stderr
    expected_text = json.loads(answer.stdout)
    assert expected_text["agrees"]
    recorded = json.loads(report.read_text())["products"][0]
    files = unpack(moved.read_bytes(), "")
    lines = [json.loads(line) for line in files["figures.jsonl"].splitlines()]
    own = {line["figure"]: line["value"] for line in lines if line["part"] == "window"}
    assert own == {"raw": recorded["raw"], "contractual": recorded["contractual"]}
    assert run("verify", moved, "--report", report).exit_code == 0
    report.write_text(report.read_text().replace("forms", "forma"))
    rejected = run("verify", moved, "--report", report)
    assert rejected.exit_code == 1
    assert "not the report of the bundle" in rejected.output


def test_bundle_contains_no_addresses_and_no_other_products(tmp_path: Path) -> None:
    config, _ = month.record(tmp_path)
    path = tmp_path / "login.zip"
    assert run("report", "-c", config, "--product", "login", "--at", month.MIDDLE, "--bundle", path).exit_code == 0
    content = path.read_bytes()
    assert b"127.0.0.1" not in content
    actual = world(3, tmp_path)
    assert b"other/" not in write_bundle(actual, "base", "day")


def test_flip_of_any_byte_is_reported(small_bundle: World, tmp_path: Path) -> None:
    content = write_bundle(small_bundle, "other", "2h")
    files = unpack(content, "")
    random = Random(11)  # noqa: S311 - reproducible
    offsets = (
        {random.randrange(len(content)) for _ in range(150)}
        | set(range(60))
        | set(range(len(content) - 60, len(content)))
    )
    for at in sorted(offsets):
        flipped = bytearray(content)
        flipped[at] ^= 1 << random.randrange(8)
        try:
            actual = verify(bytes(flipped), tmp_path)
        except UnusableBundleError:
            continue
        assert not actual.is_valid, at
        inside = [name for name in files if (begin := content.index(files[name])) <= at < begin + len(files[name])]
        if inside and not inside[0].startswith("manifest"):
            start = content.index(files[inside[0]])
            line = content[start:at].count(b"\n") + 1
            damages = [damage for damage in actual.damages if damage.file == inside[0]]
            assert any(damage.line == line for damage in damages), (at, actual.damages)


def change_first(path: str, value: Any) -> Any:
    def change(lines: list[Any]) -> list[Any]:
        target, *remaining = path.split(".")
        inner = lines[0]
        for name in (target, *remaining[:-1]) if remaining else ():
            inner = inner[name]
        inner[remaining[-1] if remaining else target] = value
        return lines

    return change


def test_edited_figure_with_recomputed_digests_is_reported_with_both_values(
    small_bundle: World, tmp_path: Path
) -> None:
    content = write_bundle(small_bundle, "other", "2h")
    path = tmp_path / "forged.zip"
    path.write_bytes(forge(content, "figures.jsonl", change_first("value.availability.low", 0.123)))
    result = run("verify", path)
    assert result.exit_code == 1
    (difference,) = [line for line in result.output.splitlines() if "DIFFERS  " in line]
    assert "availability.low: stated 0.123, recomputed" in difference
    window = f"{format_instant(small_bundle.end - 2 * HOUR)}/{format_instant(small_bundle.end)}"
    assert f"other  window  {window}  raw: " in result.output
    (actual,) = [
        figure for figure in json.loads(run("verify", path, "--json").output)["figures"] if figure["differences"]
    ]
    assert (actual["product"], actual["figure"], actual["window"]) == ("other", "raw", window)
    assert actual["differences"][0]["field"] == "availability.low"


def longer(lines: list[Any]) -> list[Any]:
    for line in lines:
        if line["check"].startswith("other/") and line["outcome"] == "good":
            line["outcome"] = "bad"
    return lines


def test_edited_runs_give_other_figures(small_bundle: World, tmp_path: Path) -> None:
    actual = verify(forge(write_bundle(small_bundle, "other", "2h"), "runs.jsonl", longer), tmp_path)
    assert not actual.damages
    assert actual.different_values


def test_removed_or_added_figure_is_reported(small_bundle: World, tmp_path: Path) -> None:
    content = write_bundle(small_bundle, "other", "2h")
    for change in (lambda lines: lines[1:], lambda lines: [*lines, lines[0] | {"number": 99}]):
        actual = verify(forge(content, "figures.jsonl", change), tmp_path)
        assert any(
            "no such figure" in (d.stated, d.recomputed) for figure in actual.figures for d in figure.differences
        )


def test_edited_fact_is_reported(tmp_path: Path) -> None:
    worlds = (world(seed, tmp_path) for seed in range(20))
    actual = next(w for w in worlds if any(f.kind == "correction" and f.product == "other" for f in w.facts))

    def change(lines: list[Any]) -> list[Any]:
        for line in lines:
            if line["kind"] == "correction":
                line["body"]["end"] = format_instant(actual.end + DAY)
        return lines

    with pytest.raises(UnusableBundleError, match=r"facts\.jsonl: the correction [0-9a-f]{12}"):
        verify(forge(write_bundle(actual, "all", "2d"), "facts.jsonl", change), tmp_path)


def test_bundles_time_zone_rules_are_used(small_bundle: World, tmp_path: Path) -> None:
    """A bundle with the rules of another zone gives other days."""
    content = write_bundle(small_bundle, "other", "month")

    def change(lines: list[Any]) -> list[Any]:
        by_name = {line["zone"]: line["tzif"] for line in lines}
        other = forged_zone()
        return [{"zone": name, "tzif": other} for name in by_name]

    actual = verify(forge(content, "zones.jsonl", change), tmp_path)
    assert actual.different_values
    assert verify(content, tmp_path).is_valid


def forged_zone() -> str:
    import base64

    from monitor import zones

    return base64.b64encode(zones.zone_file("Asia/Kathmandu")).decode()


def test_different_zone_data_version_is_reported(small_bundle: World, tmp_path: Path) -> None:
    content = write_bundle(small_bundle, "other", "2h")
    files = unpack(content, "")
    manifest = json.loads(files[NAME])
    manifest["time_zone_database"]["version"] = "2019a"
    actual = verify(pack_with_manifest(manifest, files), tmp_path)
    assert actual.is_valid
    assert any("2019a" in note and "not used" in note for note in actual.notes)


def without(name: str) -> Any:
    return lambda files: {key: value for key, value in files.items() if key != name}


@pytest.mark.parametrize(
    ("change", "status", "expected_text"),
    [
        (without("runs.jsonl"), 1, "runs.jsonl: the file is missing"),
        (without("holidays.jsonl"), 1, "holidays.jsonl: the file is missing"),
        (without(NAME), 2, f"contains no {NAME}"),
        (lambda files: files | {"more.txt": b"x"}, 1, "more.txt: the file is not in manifest.json"),
        (lambda files: dict(reversed(files.items())), 1, "not in the order of the manifest"),
        (lambda files: files | {"facts.jsonl": files["facts.jsonl"] + b"{}\n"}, 1, "facts.jsonl, line "),
        (lambda files: files | {"products.jsonl": b"[1,2]\n"}, 1, "NOT RECOMPUTED  products.jsonl, line 1"),
        (lambda files: files | {"figures.jsonl": b"[" * 100_000}, 1, "figures.jsonl, line 1"),
        (lambda files: files | {NAME: b"{}"}, 2, "manifest.json cannot be read"),
        (lambda files: files | {NAME: files[NAME].replace(b'"version": 1', b'"version": 3')}, 2, "format version 3"),
        (
            lambda files: files | {NAME: files[NAME].replace(b"ninewatch-bundle", b"something-else")},
            2,
            "something-else",
        ),
        (lambda files: {"../../etc/passwd": b"x", **files}, 2, "'../../etc/passwd'"),
        (lambda files: {"/etc/passwd": b"x", **files}, 2, "'/etc/passwd'"),
        (lambda files: {}, 2, "contains no files"),
    ],
)
def test_missing_additional_or_wrong_files_are_reported(
    change: Any, status: int, expected_text: str, small_bundle: World, tmp_path: Path
) -> None:
    path = tmp_path / "bundle.zip"
    path.write_bytes(pack(change(unpack(write_bundle(small_bundle, "other", "2h"), ""))))
    result = run_main("verify", path)
    assert (result.returncode, expected_text in result.stdout + result.stderr) == (status, True), (
        result.stdout + result.stderr
    )
    assert "Traceback" not in result.stderr


def run_main(*arguments: object) -> subprocess.CompletedProcess[str]:
    """Run a command as `monitor.cli.main` does, where an error with a remedy is exit status 2."""
    result = CliRunner().invoke(cli, [str(argument) for argument in arguments])
    if isinstance(result.exception, NinewatchError):
        return subprocess.CompletedProcess(arguments, 2, result.stdout, f"ninewatch: {result.exception}")
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return subprocess.CompletedProcess(arguments, result.exit_code, result.stdout, result.stderr)


def archive(*entries: tuple[str, bytes], compressed: bool = False) -> bytes:
    target = io.BytesIO()
    method = zipfile.ZIP_DEFLATED if compressed else zipfile.ZIP_STORED
    with zipfile.ZipFile(target, "w", method) as writing:
        for name, content in entries:
            writing.writestr(name, content)
    return target.getvalue()


@pytest.mark.parametrize(
    ("content", "expected_text"),
    [
        (b"", "not a complete ZIP archive"),
        (b"no archive at all" * 50, "not a complete ZIP archive"),
        (pack({"a": b"1", "b": b"2"}).replace(b"b", b"a"), "the file a twice"),
        (archive(("bomb", bytes(5 << 20)), compressed=True), "compressed"),
        (archive(("A B", b"")), "'A B'"),
    ],
)
def test_file_that_is_no_bundle_is_rejected(content: bytes, expected_text: str, tmp_path: Path) -> None:
    with pytest.raises(UnusableBundleError, match=expected_text):
        verify(content, tmp_path)


def test_truncated_bundle_is_rejected(small_bundle: World, tmp_path: Path) -> None:
    content = write_bundle(small_bundle, "other", "2h")
    for length in range(0, len(content), len(content) // 15):
        with pytest.raises(UnusableBundleError, match="not a complete ZIP archive"):
            verify(content[:length], tmp_path)


def test_bytes_before_after_and_in_the_headers_are_reported(small_bundle: World, tmp_path: Path) -> None:
    content = write_bundle(small_bundle, "other", "2h")
    for changed in (b"#!" + content, content[:-2] + b"\x05\x00extra"):
        actual = verify(changed, tmp_path)
        assert "outside of its files" in str(actual.damages[0])


def test_too_large_or_missing_file_is_rejected(tmp_path: Path) -> None:
    path = tmp_path / "large.zip"
    with path.open("wb") as file:
        file.truncate(MAX_BYTES + 1)
    with pytest.raises(UnusableBundleError, match="larger than 1024 MiB"):
        verify_bundle(path)
    for missing in (tmp_path / "none.zip", tmp_path):
        result = run_main("verify", missing)
        assert result.returncode == 2
        assert "cannot read" in result.stderr


def test_invalid_window_is_rejected(small_bundle: World, tmp_path: Path) -> None:
    """Otherwise a forged manifest could keep the verifier busy without end."""
    files = unpack(write_bundle(small_bundle, "other", "2h"), "")
    manifest = json.loads(files[NAME])
    manifest["window"] |= {"start": "1970-01-02T00:00:00Z", "whole_start": "1970-01-02T00:00:00Z"}
    with pytest.raises(UnusableBundleError, match="the window in the manifest is invalid or too long"):
        verify(pack_with_manifest(manifest, files), tmp_path)


def test_maintenance_that_recurs_every_second_is_rejected(small_bundle: World, tmp_path: Path) -> None:
    def add(lines: list[Any]) -> list[Any]:
        block = {"start": "2026-01-01T00:00:00", "end": "2026-01-01T00:00:01", "rrule": "FREQ=SECONDLY", "reason": "x"}
        return [*lines, fact_row(Fact.of(1, "configuration", "maintenance", "other", {"blocks": [block]}))]

    with pytest.raises(UnusableBundleError, match="more often than daily"):
        verify(forge(write_bundle(small_bundle, "other", "2h"), "facts.jsonl", add), tmp_path)


def test_terminal_escapes_in_a_bundle_are_not_printed(small_bundle: World, tmp_path: Path) -> None:
    path = tmp_path / "bundle.zip"
    change = change_first("product", "\x1b[2Jother")
    path.write_bytes(forge(write_bundle(small_bundle, "other", "2h"), "figures.jsonl", change))
    result = run("verify", path)
    assert result.exit_code == 1
    assert "\x1b" not in result.output


def test_bundle_cannot_have_the_reports_path(tmp_path: Path) -> None:
    config, _ = month.record(tmp_path)
    path = tmp_path / "same.md"
    result = run_main("report", "-c", config, "--product", "forms", "--at", month.MIDDLE, "-o", path, "--bundle", path)
    assert result.returncode == 2
    assert "cannot both be" in result.stderr
