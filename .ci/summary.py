"""Sum up pytest's reports in one line. Exits 1 if a test failed or was skipped, or if a report is missing."""

from __future__ import annotations

import sys
from pathlib import Path
from xml.etree import ElementTree

# Tests that may be skipped although everything is installed: "file::name" -> reason.
MAY_SKIP: dict[str, str] = {}


def main(paths: list[str]) -> int:
    """Print failed tests, unexpected skips and missing reports, then the summary."""
    count = {"passed": 0, "failed": 0, "errors": 0, "skipped": 0, "xfailed": 0}
    seconds, unexpected, failed = 0.0, [], []
    missing = [path for path in paths if not Path(path).exists()]
    for path in (path for path in paths if path not in missing):
        for suite in ElementTree.parse(path).getroot().iter("testsuite"):  # noqa: S314 - written by pytest in this run
            seconds += float(suite.get("time", 0))
            for case in suite.iter("testcase"):
                outcome = outcome_of(case)
                count[outcome] += 1
                name = f"{case.get('classname')}::{case.get('name')}"
                if outcome in ("failed", "errors"):
                    failed.append(f"FAILED {name}: {first_line(case)}")
                if outcome == "skipped" and name not in MAY_SKIP:
                    unexpected.append(f"SKIPPED unexpectedly: {name}: {case.find('skipped').get('message')}")
    sys.stdout.writelines(f"{line}\n" for line in failed + unexpected)
    sys.stdout.writelines(f"NO REPORT: {Path(path).stem} did not run its tests\n" for path in missing)
    figures = ", ".join(
        f"{number} {name}" for name, number in count.items() if number or name in ("passed", "failed", "skipped")
    )
    sys.stdout.write(f"==== {figures} in {seconds:.2f}s ====\n")
    return 1 if unexpected or missing or count["failed"] or count["errors"] else 0


def first_line(case: ElementTree.Element) -> str:
    """Return the first line of the message of a failed test, at most 200 characters."""
    problem = case.find("failure") if case.find("failure") is not None else case.find("error")
    return (problem.get("message") or "no message").strip().split("\n", 1)[0][:200]


def outcome_of(case: ElementTree.Element) -> str:
    """Return the outcome of a test. pytest reports an expected failure as a skip of the type `pytest.xfail`."""
    for tag, outcome in (("failure", "failed"), ("error", "errors")):
        if case.find(tag) is not None:
            return outcome
    skipped = case.find("skipped")
    if skipped is None:
        return "passed"
    return "xfailed" if skipped.get("type") == "pytest.xfail" else "skipped"


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
