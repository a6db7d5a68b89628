"""`ninewatch audit`: its output and exit status."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from monitor.commands.audit import audit_command
from monitor.errors import NinewatchError

CORPUS = Path(__file__).parents[2] / "sla" / "corpus"
SOURCE_PAGE = CORPUS / "wrong-source-page.txt"


def run(*arguments: str | Path, text: str | bytes | None = None) -> Result:
    return CliRunner().invoke(audit_command, [str(argument) for argument in arguments], input=text)


def test_source_page_has_eight_claims_that_are_60_times_too_small() -> None:
    result = run(SOURCE_PAGE, "--json")
    data = json.loads(result.output)
    assert result.exit_code == 1
    assert data["wrong"] == 8
    assert [claim["factor"] for claim in data["claims"]] == [pytest.approx(60)] * 8
    assert {claim["diagnosis"].partition(";")[0] for claim in data["claims"]} == {"hours labelled minutes"}
    assert data["claims"][0] == {
        "line": 7,
        "text": "99% availability: 87.6 minutes",
        "availability": 0.99,
        "claimed_seconds": 5256.0,
        "period": "year",
        "expected_seconds": 315360.0,
        "factor": 60.0,
        "verdict": "wrong",
        "diagnosis": "hours labelled minutes; internally consistent (87.6 minutes = 1 hour and 27.6 minutes)",
    }


def test_text_shows_line_quote_correct_value_factor_and_diagnosis() -> None:
    result = run(SOURCE_PAGE)
    assert result.output.splitlines()[:3] == [
        'line 7: wrong: "99% availability: 87.6 minutes"',
        "    correct: 3.65 days a year, 60 times the claim",
        "    hours labelled minutes; internally consistent (87.6 minutes = 1 hour and 27.6 minutes)",
    ]
    assert result.output.splitlines()[-1] == f"{SOURCE_PAGE}: 8 claims: 8 wrong"


def test_correct_page_exits_0_and_shows_claims_only_with_the_option() -> None:
    quiet, full = run(CORPUS / "right-tabs.txt"), run(CORPUS / "right-tabs.txt", "--all")
    assert (quiet.exit_code, full.exit_code) == (0, 0)
    assert quiet.output.count("\n") == 1
    assert full.output.endswith("12 claims: 2 right, 10 rounded\n")


def test_json_format_is_valid_json() -> None:
    assert json.loads(run(CORPUS / "silent-credits.md", "--format", "json").output) == {"claims": [], "wrong": 0}


def test_standard_input_is_read() -> None:
    result = run("-", text="99.9% uptime is 8.76 minutes of downtime a year")
    assert result.exit_code == 1
    assert result.output.endswith("standard input: 1 claim: 1 wrong\n")


def test_page_without_claims_is_reported() -> None:
    result = run("-", text="nothing here")
    assert (result.exit_code, result.output) == (
        0,
        "standard input: no claim that relates an availability to a downtime\n",
    )


def test_too_large_claim_is_reported_with_its_factor() -> None:
    assert "the claim is 10 times as much" in run("-", text="99.9% uptime is 87.6 hours of downtime a year").output


STRICT_PAGE = (
    "| SLA | Available hours | Downtime per year |\n|---|---|---|\n| 99.9% | 8751.24 | 8.76 h |\n\n"
    "We had 99.9% uptime and 3 hours of downtime a month.\n"
)


def test_strict_lists_unclear_claims_and_skipped_figures_with_reasons() -> None:
    result = run("-", "--strict", text=STRICT_PAGE)
    assert result.exit_code == 0
    assert result.output.splitlines() == [
        'line 5: unclear: "99.9% uptime and 3 hours of downtime a month"',
        "    possibly measured or excluded downtime, not the allowed downtime: 99.9 % allows 43.2 min a month; "
        "4.03 times as much",
        "",
        'line 3: not checked: "99.9% | Available hours: 8751.24"',
        "    its header indicates uptime",
        "",
        "standard input: 2 claims: 1 right, 1 unclear",
        "not checked: 1 figure",
    ]


def test_strict_json_adds_the_skipped_figures_only() -> None:
    strict, lenient = (
        json.loads(run("-", "--json", *options, text=STRICT_PAGE).output) for options in (["--strict"], [])
    )
    assert strict.pop("passed") == [
        {"line": 3, "text": "99.9% | Available hours: 8751.24", "reason": "its header indicates uptime"}
    ]
    assert strict == lenient


def test_strict_without_claims_prints_one_line() -> None:
    assert run("-", "--strict", text="nothing here").output.count("\n") == 1


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "cp1252"])
def test_other_encodings_are_read(tmp_path: Path, encoding: str) -> None:
    page = tmp_path / "page.txt"
    page.write_bytes("99,9 % Verfügbarkeit sind 8,76 Minuten Ausfall pro Jahr".encode(encoding))
    assert run(page).exit_code == 1


def test_suffix_determines_the_kind(tmp_path: Path) -> None:
    page = tmp_path / "table.csv"
    page.write_text("# remark\nsla;downtime per year\n99.9%;8.76 minutes\n")
    assert run(page).exit_code == 1


def test_unreadable_file_gives_one_line_with_a_remedy(tmp_path: Path) -> None:
    binary = tmp_path / "page.bin"
    binary.write_bytes(b"\x7fELF\0\0")
    for path, message in ((tmp_path / "gone", "No such file"), (tmp_path, "directory"), (binary, "not a text")):
        error = run(path).exception
        assert isinstance(error, NinewatchError)
        assert message in str(error)
        assert "\n" not in str(error)


def test_too_large_file_is_rejected(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("monitor.commands.audit._MAX_BYTES", 10)
    page = tmp_path / "page.txt"
    page.write_text("x" * 11)
    assert "one page at a time" in str(run(page).exception)
