"""Add up pytest's reports into one closing line. Exits 1 if a test failed or was skipped, or a report is missing."""

from __future__ import annotations

import sys
from pathlib import Path
from xml.etree import ElementTree

# Tests that may be skipped where everything is installed: "file::name" -> why. Keep it empty if you can.
MAY_SKIP: dict[str, str] = {}


def main(paths: list[str]) -> int:
    """Print what was skipped without leave, then the closing line."""
    count = {"passed": 0, "failed": 0, "errors": 0, "skipped": 0, "xfailed": 0}
    seconds, unexpected = 0.0, []
    missing = [path for path in paths if not Path(path).exists()]
    for path in (path for path in paths if path not in missing):
        for suite in ElementTree.parse(path).getroot().iter("testsuite"):  # noqa: S314 - written a moment ago by pytest
            seconds += float(suite.get("time", 0))
            for case in suite.iter("testcase"):
                outcome = outcome_of(case)
                count[outcome] += 1
                name = f"{case.get('classname')}::{case.get('name')}"
                if outcome == "skipped" and name not in MAY_SKIP:
                    unexpected.append(f"SKIPPED without leave: {name}: {case.find('skipped').get('message')}")
    sys.stdout.writelines(f"{line}\n" for line in unexpected)
    sys.stdout.writelines(f"NO REPORT: {Path(path).stem} did not get as far as its tests\n" for path in missing)
    figures = ", ".join(
        f"{number} {name}" for name, number in count.items() if number or name in ("passed", "failed", "skipped")
    )
    sys.stdout.write(f"==== {figures} in {seconds:.2f}s ====\n")
    return 1 if unexpected or missing or count["failed"] or count["errors"] else 0


def outcome_of(case: ElementTree.Element) -> str:
    """Tell how a test ended; an expected failure is written as a skip of its own type."""
    for tag, name in (("failure", "failed"), ("error", "errors")):
        if case.find(tag) is not None:
            return name
    skipped = case.find("skipped")
    if skipped is None:
        return "passed"
    return "xfailed" if skipped.get("type") == "pytest.xfail" else "skipped"


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
