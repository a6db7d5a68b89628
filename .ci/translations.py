"""Update the catalogues of translations (`make translations`): new texts are added, and unused ones are removed."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po, write_po

ROOT = Path(__file__).resolve().parents[1]
FOLDERS = ("access", "alerting", "config", "reporting", "views", "web")
KEYWORDS = {"translatable": None, "gettext": None, "ngettext": (1, 2), "_": None}
METHODS = [("**.py", "python"), ("templates/**.j2", "jinja2.ext:babel_extract")]
OPTIONS = {"templates/**.j2": {"extensions": "jinja2.ext.i18n", "trim_blocks": "true", "lstrip_blocks": "true"}}
FIXED = datetime(2026, 11, 30, tzinfo=UTC)  # a date in the header would change with each run


def template() -> Catalog:
    """Return the texts of the code and of the templates, each with the files that use it."""
    catalogue = Catalog(project="ninewatch", charset="utf-8", creation_date=FIXED, fuzzy=False)
    for folder in FOLDERS:
        extracted = extract_from_dir(ROOT / "monitor" / folder, METHODS, OPTIONS, KEYWORDS, strip_comment_tags=True)
        for name, _, message, comments, context in extracted:
            catalogue.add(message, None, [(f"monitor/{folder}/{name}", 0)], auto_comments=comments, context=context)
    return catalogue


def update(path: Path) -> None:
    """Write the catalogue of a language with the texts of today and the translations that it has."""
    with path.open("rb") as file:
        catalogue = read_po(file, locale=path.stem)
    catalogue.update(template(), no_fuzzy_matching=True, update_creation_date=False)
    catalogue.obsolete.clear()
    with path.open("wb") as file:
        write_po(file, catalogue, width=118, sort_output=True, include_lineno=False)
    missing = [message.id for message in catalogue if message.id and not message.string]
    sys.stdout.write(f"{path.relative_to(ROOT)}: {len(catalogue)} texts, {len(missing)} without a translation\n")


if __name__ == "__main__":
    for path in [Path(name) for name in sys.argv[1:]] or sorted((ROOT / "monitor/locales").glob("*.po")):
        update(path.resolve())
