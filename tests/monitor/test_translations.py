"""The French catalogue is complete and has French typography; dates and numbers are Canadian French."""

from __future__ import annotations

import re
import string
import subprocess
import sys
from datetime import date
from fractions import Fraction
from pathlib import Path
from runpy import run_path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pytest
from babel.messages.pofile import read_po
from jinja2 import Environment

from monitor.language import ENGLISH, catalogue_path, language
from sla.interval import DAY, HOUR, MILLISECOND, MINUTE, SECOND
from sla.objective import Objective
from sla.window import parse_instant

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
TEMPLATES = ROOT / "monitor/web/templates"
TRANSLATED = (*sorted((TEMPLATES / "status").glob("*.j2")), TEMPLATES / "reports.html.j2", TEMPLATES / "days.html.j2")
NO_BREAK = "\u00a0"
VANCOUVER = ZoneInfo("America/Vancouver")
LITERALS = {"JSON"}  # the same in both languages


def catalogue() -> Any:
    with catalogue_path("fr").open("rb") as file:
        return read_po(file, locale="fr")


def translations() -> Iterator[tuple[str, str]]:
    """Yield the pairs of an English text and its translation, for texts with a plural both pairs."""
    for message in catalogue():
        if message.id:
            ids = message.id if isinstance(message.id, tuple) else (message.id,)
            texts = message.string if isinstance(message.string, tuple) else (message.string,)
            yield from zip(ids, texts, strict=True)


def test_catalogue_has_the_texts_of_the_code_and_no_others() -> None:
    template = run_path(str(ROOT / ".ci/translations.py"))["template"]
    used = {message.id for message in template() if message.id}
    known = {message.id for message in catalogue() if message.id}
    assert len(used) > 150
    assert used == known, "run `make translations`, and translate what is new"


def test_each_text_is_translated_with_the_same_placeholders() -> None:
    named = re.compile(r"%\((\w+)\)s")
    for english, french in translations():
        assert french, english
        for fields in (named.findall, lambda text: [name for _, name, _, _ in string.Formatter().parse(text) if name]):
            assert set(fields(french)) <= set(fields(english)), english
            missing = set(fields(english)) - set(fields(french))
            assert not missing or english in ("the last {days} day",), (english, missing)
    assert not [message.id for message in catalogue() if message.fuzzy and message.id]


def test_translations_have_french_typography() -> None:
    for english, french in translations():
        text = re.sub(r"<[^>]+>|%\(\w+\)s|\{\w+\}", "x", french)
        assert not re.search(rf"(?<!{NO_BREAK}):", text), french
        assert not re.search(rf"[{NO_BREAK} ][;!?.,](?!\w)", text), french
        assert not re.search(rf"«(?!{NO_BREAK})|(?<!{NO_BREAK})»", text), french
        assert not {'"', "'", "“", "”"} & set(text), french
        assert english.endswith("\n") == french.endswith("\n"), french


@pytest.mark.parametrize("template", TRANSLATED, ids=lambda path: path.name)
def test_template_has_no_text_outside_of_the_catalogue(template: Path) -> None:
    environment = Environment(extensions=["jinja2.ext.i18n"], autoescape=True)
    source = re.sub(r"{%-? trans\b.*?endtrans -?%}", "", template.read_text("utf-8"), flags=re.DOTALL)
    data = "".join(value if kind == "data" else "¤" for _, kind, value in environment.lex(source))
    attributes = re.findall(r'\b(?:aria-label|alt|title|placeholder)="([^"]*)"', data)
    visible = re.sub(r"<[^>]*>", " ", data)
    words = re.findall(r"[A-Za-z][\w-]*", " ".join([visible, *attributes]))
    assert set(words) <= LITERALS, words


@pytest.mark.parametrize(
    ("ratio", "digits", "expected"),
    [(Fraction(985, 1000), 1, "98,5"), (Fraction(99_999_9, 100_000_0), 3, "99,999"), (Fraction(1), 2, "100,00")],
)
def test_percentages_are_rounded_down_and_have_a_comma(ratio: Fraction, digits: int, expected: str) -> None:
    assert language("fr").percent(ratio, digits) == f"{expected}{NO_BREAK}%"


def test_missing_figure_and_objective_in_french() -> None:
    assert language("fr").percent(None) == f"s.{NO_BREAK}o."
    assert language("fr").objective(Objective.parse("99.95%")) == f"99,95{NO_BREAK}%"


@pytest.mark.parametrize(
    ("duration", "expected"),
    [
        (HOUR + 27 * MINUTE, "1 h 27 min"),
        (DAY + 2 * HOUR, "1 j 2 h"),
        (25 * SECOND + 920 * MILLISECOND, "25,92 s"),
        (-90 * SECOND, "−1 min 30 s"),
    ],
)
def test_durations_have_french_units(duration: int, expected: str) -> None:
    assert language("fr").duration(duration) == expected.replace(" ", NO_BREAK)


def test_times_have_the_exact_offset_of_the_zone() -> None:
    winter, first = parse_instant("2026-11-30T18:05:59Z"), parse_instant("2026-05-01T16:00:00Z")
    times = [language("fr").minute(at, VANCOUVER).replace(NO_BREAK, " ") for at in (winter, first)]
    assert times == ["30 novembre 2026, 11 h 05 (UTC-07:00)", "1er mai 2026, 9 h 00 (UTC-07:00)"]
    assert ENGLISH.minute(first, VANCOUVER) == "2026-05-01 09:00 PDT"


def test_days_and_months_in_french() -> None:
    assert language("fr").day(date(2026, 12, 1)) == "mar. 1er déc. 2026"
    assert language("fr").month(date(2026, 8, 3)) == "août 2026"


def test_text_that_is_not_in_the_catalogue_stays_as_it_is() -> None:
    assert language("fr").gettext("Written by an operator: 100 %") == "Written by an operator: 100 %"
    assert language("fr").gettext("") == ""


def test_english_needs_no_catalogue() -> None:
    code = (
        "import sys, monitor.language as l; l.language('en').percent(0.5); assert 'babel' not in sys.modules;"
        "l.language('fr'); assert 'babel' in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=110, cwd=ROOT)
