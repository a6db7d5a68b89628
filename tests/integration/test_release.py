"""The release workflow, and the list of packages (CycloneDX) that it attests."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml
from packaging.utils import canonicalize_name

from tests.support.requirement_lock_files import read_lock

ROOT = Path(__file__).parents[2]
WORKFLOW: dict[str, Any] = yaml.safe_load((ROOT / ".github/workflows/release.yml").read_text())
STEPS: list[dict[str, Any]] = [step for job in WORKFLOW["jobs"].values() for step in job["steps"]]
SCRIPTS = [step["run"] for step in STEPS if "run" in step]
VERSION = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
WRITER = ROOT / ".tools/cyclonedx"


def test_actions_are_pinned_by_commit() -> None:
    used = [step["uses"] for step in STEPS if "uses" in step]
    assert used
    assert [name for name in used if not re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40}", name)] == []


def test_only_the_job_that_publishes_may_write() -> None:
    assert WORKFLOW["permissions"] == {"contents": "read"}
    assert {name for name, job in WORKFLOW["jobs"].items() if "permissions" in job} == {"publish"}
    assert WORKFLOW["jobs"]["publish"]["needs"] == "test"


def test_job_that_may_sign_installs_no_package() -> None:
    """Otherwise a package could sign in the name of the project. The list of packages comes from the other job."""
    test, publish = (WORKFLOW["jobs"][name]["steps"] for name in ("test", "publish"))
    assert not [step["run"] for step in publish if re.search(r"\b(make|pip|python3?)\b", step.get("run", ""))]
    actions = {
        step["uses"].partition("@")[0].rpartition("/")[2]: step["with"] for step in test + publish if "with" in step
    }
    sent, received = actions["upload-artifact"], actions["download-artifact"]
    assert (sent["name"], sent["path"]) == (received["name"], f"{received['path']}/sbom.cdx.json")
    assert f"--predicate {sent['path']} " in "".join(SCRIPTS)


@pytest.mark.parametrize("script", SCRIPTS)
def test_script_is_valid_and_takes_no_text_of_the_event(script: str) -> None:
    assert subprocess.run(["bash", "-n"], input=script, text=True, check=False).returncode == 0
    assert "${{" not in script, "an expression in a script could run the text of a tag"


def test_targets_of_make_exist() -> None:
    targets = {target for script in SCRIPTS if script.startswith("make ") for target in script.split()[1:]}
    defined = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), flags=re.MULTILINE))
    assert targets == {"lint", "unit", "sbom"}
    assert targets <= defined


@pytest.mark.parametrize(("tag", "status"), [(f"v{VERSION}", 0), ("v99.0.0", 1), (VERSION, 1)])
def test_tag_must_equal_the_versions_of_package_and_chart(tag: str, status: int) -> None:
    (script,) = (step["run"] for step in STEPS if step.get("name", "").startswith("Compare the tag"))
    environment = {"GITHUB_REF_NAME": tag, "PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin"}
    completed = subprocess.run(
        ["bash", "-e"], input=script, cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert completed.returncode == status, completed.stderr
    assert (f"the tag {tag} is not v{VERSION}" in completed.stderr) is bool(status)


@pytest.mark.slow
@pytest.mark.skipif(not WRITER.exists(), reason="no .tools/cyclonedx: `make sbom` installs it")
def test_list_has_every_locked_package_with_its_hashes_and_is_reproducible(tmp_path: Path) -> None:
    documents = []
    for name in ("first.json", "second.json"):
        path = tmp_path / name
        subprocess.run(["make", "-s", "sbom", f"SBOM={path}"], cwd=ROOT, check=True, capture_output=True)
        documents.append(path.read_bytes())
    assert documents[0] == documents[1]
    document = json.loads(documents[0])
    assert document["bomFormat"] == "CycloneDX"
    assert (document["metadata"]["component"]["name"], document["metadata"]["component"]["version"]) == (
        "ninewatch",
        VERSION,
    )
    locks = "\n".join((ROOT / name).read_text() for name in ("requirements.lock", "requirements-databases.lock"))
    expected = {(pin.name, str(pin.version), pin.hash_count) for pin in read_lock(locks)}
    listed = {
        (
            canonicalize_name(component["name"]),
            component["version"],
            sum(len(reference.get("hashes", ())) for reference in component["externalReferences"]),
        )
        for component in document["components"]
    }
    assert listed == expected
