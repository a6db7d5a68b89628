"""Build the documentation site with mkdocs: `docs.py MKDOCS`, where MKDOCS is the folder with the installed program.

Copies the documents and the files that they link to below var/docs, and builds var/site. A broken link or anchor, or a
document without an entry in the navigation, is an error.

The site works with the content security policy of ninewatch, which serves it under /docs: its scripts are files, its
pages have no inline styles, and nothing is loaded from other hosts.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
from functools import partial
from pathlib import Path

ROOT = Path(__file__).parents[1]
# Files under version control that documents link to, and the documents.
PATTERNS = ("*.md", "LICENSE", "config/*", "dashboards/*", "docs/*", "examples/*", "helm/*")
_ITEM, _ROW = re.compile(r"([-*]|\d+\.) "), re.compile(r"\|.*\|$")
DOCUMENTS = ("docs/", "dashboards/", "helm/")
SCRIPTS = "assets/javascripts/inline"
_INLINE_SCRIPT = re.compile(r"<script>(.*?)</script>", re.DOTALL)
# What a page must not have: inline styles and event handlers, scripts in the page, and parts from other hosts.
_FORBIDDEN = re.compile(
    r"<style|<[^>]+\s(?:style|on\w+)=|<(?:script|img|iframe|source|link)\b[^>]*\s(?:src|href)=\"(?:https?:)?//[^>]*>"
    r"|<script>|<base\b"
)


def stage(folder: Path) -> None:
    """Copy the files. Markdown files outside of the folders of documents are not part of the site."""
    shutil.rmtree(folder, ignore_errors=True)
    tracked = subprocess.run(["git", "ls-files", "-z", "--", *PATTERNS], cwd=ROOT, capture_output=True, check=True)
    for name in filter(None, tracked.stdout.decode().split("\0")):
        if not name.endswith(".md") or "/" not in name or name.startswith(DOCUMENTS):
            target = folder / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / name, target)
            if name.endswith(".md"):
                target.write_text(with_blank_lines(target.read_text(encoding="utf-8")), encoding="utf-8")


def with_blank_lines(text: str) -> str:
    """Return the Markdown text with a blank line before each list and table, which mkdocs needs and others do not."""
    lines: list[str] = []
    in_code = False
    for line in text.splitlines():
        in_code ^= line.lstrip().startswith("```")
        before = lines[-1] if lines else ""
        begins = next((block for block in (_ITEM, _ROW) if block.match(line) and not block.match(before)), None)
        if begins and not in_code and before.strip() and not before.startswith(" "):
            lines.append("")
        lines.append(line)
    return "\n".join(lines) + "\n"


def move_scripts(site: Path) -> None:
    """Move the scripts of the pages to files.

    Raises:
        SystemExit: a page has something else that the policy forbids.
    """
    for page in sorted(site.rglob("*.html")):
        folder = os.path.relpath(site / SCRIPTS, page.parent)
        text = _INLINE_SCRIPT.sub(partial(_script_element, site, folder), page.read_text(encoding="utf-8"))
        if found := _FORBIDDEN.search(text):
            raise SystemExit(f"{page.relative_to(site)}: {found[0][:120]} is not allowed by the policy of ninewatch")
        page.write_text(text, encoding="utf-8")


def _script_element(site: Path, folder: str, inline: re.Match[str]) -> str:
    """Write the script to a file whose name is its hash, and return the element that loads it."""
    script = inline[1]
    name = f"{hashlib.sha256(script.encode()).hexdigest()[:12]}.js"
    (site / SCRIPTS).mkdir(parents=True, exist_ok=True)
    (site / SCRIPTS / name).write_text(script, encoding="utf-8")
    return f'<script src="{folder}/{name}"></script>'


def main() -> int:
    """Build the site, and return the exit status of mkdocs."""
    stage(ROOT / "var/docs")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--config-file", ROOT / "mkdocs.yml"]
    environment = {**os.environ, "PYTHONPATH": sys.argv[1], "NO_MKDOCS_2_WARNING": "1"}
    status = subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode
    if status == 0:
        move_scripts(ROOT / "var/site")
        sys.stdout.write(f"built {ROOT / 'var/site/index.html'}\n")
    return status


if __name__ == "__main__":
    sys.exit(main())
