"""Journeys for tests: one over a record service, its run and the outcomes of its steps."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Any

from monitor.config.loader import examine
from monitor.probe_result import JourneyResult
from monitor.probes.registry import CHECK_TYPES, check_types
from tests.support.probing import attempt

if TYPE_CHECKING:
    from pathlib import Path

SECRET = "canary-of-the-journey"


def record_journey(url: str, **changed: dict[str, Any]) -> dict[str, Any]:
    """Return a journey that creates, reads and removes a record. `changed`: further keys by the id of the step."""
    steps: list[dict[str, Any]] = [
        {
            "id": "submit",
            "method": "POST",
            "http": f"{url}/records",
            "json_body": {"note": ["{{run_id}}", 7]},
            "expect": {"status": 201},
            "capture": {"id": "$.id", "note": "$.note[0]"},
        },
        {"id": "read", "http": f"{url}/records/{{{{id}}}}", "expect": {"json": {"$.note[0]": "{{run_id}}"}}},
        {"id": "clean-up", "always": True, "counts": False, "method": "DELETE", "http": f"{url}/records/{{{{id}}}}"},
    ]
    return {"steps": [{**step, **changed.get(step["id"].replace("-", "_"), {})} for step in steps]}


async def run_journey(content: dict[str, Any], seconds: float = 60.0) -> JourneyResult:
    """Return the result of one run."""
    result = (await attempt({"interval": "1h", **content}, seconds)).result
    assert isinstance(result, JourneyResult)
    return result


def step_outcomes(result: JourneyResult) -> dict[str, str]:
    """Return the outcome of each step, `skipped` without one, and its reason."""
    return {
        step.id: " ".join(filter(None, ("skipped" if step.outcome is None else str(step.outcome), step.reason)))
        for step in result.steps
    }


def check_problems(folder: Path, keys: str, *, allow_exec: bool = True) -> list[str]:
    """Return the errors of a check with these lines, without the path of the file."""
    check = textwrap.indent(textwrap.dedent(keys), " " * 8)
    text = f"products:\n  - id: p\n    objective: 99%\n    checks:\n      - id: j\n{check}"
    (folder / "c.yaml").write_text(text)
    kinds = CHECK_TYPES if allow_exec else check_types(allow_exec=False)
    return [str(problem).removeprefix(f"{folder}/") for problem in examine(folder / "c.yaml", kinds).problems]
