"""Build the documentation site with mkdocs: `docs.py MKDOCS`, where MKDOCS is the folder with the installed program.

Copies the documents and the files that they link to below var/docs, and builds var/site. A broken link or anchor, or a
document without an entry in the navigation, is an error.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
# Files under version control that documents link to, and the documents.
PATTERNS = ("*.md", "LICENSE", "config/*", "dashboards/*", "docs/*", "examples/*", "helm/*")
_ITEM, _ROW = re.compile(r"([-*]|\d+\.) "), re.compile(r"\|.*\|$")
DOCUMENTS = ("docs/", "dashboards/", "helm/")


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


def main() -> int:
    """Build the site, and return the exit status of mkdocs."""
    stage(ROOT / "var/docs")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--config-file", ROOT / "mkdocs.yml"]
    environment = {**os.environ, "PYTHONPATH": sys.argv[1], "NO_MKDOCS_2_WARNING": "1"}
    status = subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode
    if status == 0:
        sys.stdout.write(f"built {ROOT / 'var/site/index.html'}\n")
    return status


if __name__ == "__main__":
    sys.exit(main())
