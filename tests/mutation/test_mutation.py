"""The mutation run: its changes, the keys of mutants, and when the run fails."""

from __future__ import annotations

import subprocess
import sys
from textwrap import dedent

import pytest

from tests.mutation.__main__ import explained_survivors, report
from tests.mutation.mutants import Mutant, mutants
from tests.mutation.targets import ROOT, TARGETS
from tests.mutation.trial import Outcome

SOURCE = dedent('''
    """A module."""
    from __future__ import annotations
    from typing import TYPE_CHECKING
    if TYPE_CHECKING:
        from x import y
    MONTHS = 6

    class Check:
        rise: int | None = 2

        @property
        @cached(maxsize=3)
        def settled(self) -> bool | None:
            return self.end < 5 and not self.open

    def first(found: int | str, step: int = 1) -> int:
        while found < MONTHS:
            found += step
        return min(found, MONTHS)
''')


def changes(source: str) -> list[str]:
    return [mutant.key.removeprefix("m.py ") for mutant in mutants("m.py", source)]


def test_boundaries_defaults_conditions_and_arithmetic_are_changed_everywhere() -> None:
    assert changes(SOURCE) == [
        "module: MONTHS = 6 -> MONTHS = 7",
        "module: MONTHS = 6 -> MONTHS = 5",
        "Check: rise: int | None = 2 -> rise: int | None = 3",
        "Check: rise: int | None = 2 -> rise: int | None = 1",
        *(
            f"Check.settled: return self.end < 5 and (not self.open) -> return {after}"
            for after in (
                "self.end < 5 or not self.open",
                "not self.open",
                "self.end < 5",
                "self.end <= 5 and (not self.open)",
                "self.end >= 5 and (not self.open)",
                "self.start < 5 and (not self.open)",
                "self.end < 6 and (not self.open)",
                "self.end < 4 and (not self.open)",
                "self.end < 5 and self.open",
            )
        ),
        "first: def first(found: int | str, step: int=1) -> int: -> def first(found: int | str, step: int=2) -> int:",
        "first: def first(found: int | str, step: int=1) -> int: -> def first(found: int | str, step: int=0) -> int:",
        "first: while found < MONTHS: -> while found <= MONTHS:",
        "first: while found < MONTHS: -> while found >= MONTHS:",
        "first: found += step -> found -= step",
        "first: return min(found, MONTHS) -> return max(found, MONTHS)",
    ]


def test_keys_do_not_depend_on_lines_or_on_other_functions() -> None:
    moved = SOURCE.replace("class Check", "def other() -> int:\n    return 3\n\n\nclass Check")
    assert [key for key in changes(moved) if not key.startswith("other")] == changes(SOURCE)


def test_equal_changes_of_one_function_are_numbered() -> None:
    assert changes("def f(x):\n    x += y\n    x += y\n") == ["f: x += y -> x -= y", "f: x += y -> x -= y #2"]


def test_mutant_is_the_module_with_one_change() -> None:
    source = "def f(x):\n    return x < 1 or x > 5\n"
    actual = []
    for number, _ in enumerate(mutants("m.py", source)):
        names: dict[str, object] = {}
        exec(compile(list(mutants("m.py", source))[number].tree(), "m.py", "exec"), names)  # noqa: S102
        actual.append([x for x in range(-1, 8) if names["f"](x)])  # type: ignore[operator]
    assert [-1, 0, 1, 6, 7] in actual  # x <= 1
    assert [-1, 0, 5, 6, 7] in actual  # x >= 5
    assert [6, 7] in actual  # the first operand is removed
    assert [-1, 0, 6, 7] not in actual


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.modules)
def test_every_target_has_modules_and_tests(target: object) -> None:
    assert target in TARGETS
    files = target.files()  # type: ignore[attr-defined]
    assert files
    assert all(target.stages(file) for file in files)  # type: ignore[attr-defined]


def test_unexplained_survivor_fails_the_run(capsys: pytest.CaptureFixture[str]) -> None:
    results = {"known": Outcome.SURVIVED, "new": Outcome.SURVIVED, "dead": Outcome.KILLED, "stale": Outcome.KILLED}
    assert report(results, 5, {"known": "equivalent", "stale": "equivalent"}, 9) == 1
    output = capsys.readouterr().out
    assert "UNEXPLAINED: new\n" in output
    assert "UNEXPLAINED: known" not in output
    assert "take it out of survivors.toml: stale" in output
    assert output.endswith("4 of 5 sampled mutants tried (seed 9): 2 killed, 2 survived, 1 unexplained\n")
    assert report({"known": Outcome.SURVIVED}, 1, {"known": "equivalent"}, 9) == 0


def test_mutant_whose_tests_could_not_run_does_not_count_as_killed() -> None:
    assert report({"x": Outcome.BROKEN}, 1, {}, 9) == 1
    assert report({}, 0, {}, 9) == 1


def test_explained_survivors_have_files_and_reasons() -> None:
    for key, reason in explained_survivors().items():
        assert (ROOT / key.split(" ")[0]).is_file()
        assert reason.startswith(("equivalent: ", "unreachable: ", "by choice: ", "elsewhere: "))


def test_each_explained_survivor_is_a_mutant_of_the_present_code() -> None:
    """An explanation of a renamed or changed function is not used any more."""
    modules = {key.partition(" ")[0] for key in explained_survivors()}
    possible = {mutant.key for module in modules for mutant in mutants(module, (ROOT / module).read_text())}
    assert sorted(explained_survivors().keys() - possible) == []


@pytest.mark.slow
def test_run_kills_the_mutants_that_tests_detect() -> None:
    """The test tries each mutant of a small module; all are killed or explained."""
    completed = subprocess.run(
        [sys.executable, "-m", "tests.mutation", "--only", "sla/dependency_paths.py", "--share", "1"],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert completed.returncode == 0, completed.stdout + completed.stderr
    assert "0 unexplained" in completed.stdout
    assert " 0 killed" not in completed.stdout


def test_key_of_a_mutant_has_file_function_and_change() -> None:
    (mutant,) = (mutant for mutant in mutants("sla/x.py", "def f(x):\n    return -x\n"))
    assert isinstance(mutant, Mutant)
    assert mutant.key == "sla/x.py f: return -x -> return x"
