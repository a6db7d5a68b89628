"""`anchors` and `witness_for`: one destination per anchor, and a remedy for every mistake."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from monitor.config.loader import examine
from monitor.probes.registry import check_types
from tests.support.time_stamping import authority

if TYPE_CHECKING:
    from pathlib import Path

    from monitor.config.loader import LoadResult

HEAD = "products:\n- {id: web, objective: 99%, checks: [{id: a, tcp: '127.0.0.1:9'}]}\n"


def examine_text(folder: Path, text: str) -> LoadResult:
    path = folder / "ninewatch.yaml"
    path.write_text(HEAD + text)
    return examine(path, check_types(allow_exec=False))


def test_each_kind_of_anchor_is_read(tmp_path: Path) -> None:
    authority(tmp_path, "Test")
    (tmp_path / "key").write_text("key")
    result = examine_text(
        tmp_path,
        """
anchors:
- {id: tsa, timestamp: "https://tsa.example.org/tsr", ca: ca.pem, headers: {X-Key: "1"}}
- {id: repo, git: "git@git.example.org:heads.git", branch: heads, ssh_key: key, timeout: 1m}
- {id: partner, witness: "https://ninewatch.example.org", name: web}
witness_for:
- {id: other, url: "https://other.example.org", about: the other team}
""",
    )
    assert result.portfolio is not None, result.problems
    assert [anchor.kind for anchor in result.portfolio.anchors] == ["timestamp", "git", "witness"]
    assert result.portfolio.witness_for[0].id == "other"


@pytest.mark.parametrize(
    ("text", "expected_text"),
    [
        ('anchors: [{id: a, timestamp: "https://x.example/"}]', "anchors.a.timestamp: requires `ca`"),
        ("anchors: [{id: a}]", "has no kind; add one of timestamp, git, witness"),
        ('anchors: [{id: a, git: /x.git, witness: "https://x.example"}]', "excludes git in the same anchor"),
        ("anchors: [{id: a, git: '--upload-pack=touch x'}]", "not a Git repository"),
        ("anchors: [{id: a, git: 'https://u:p@x.example/h.git'}]", "contains a password"),
        ("anchors: [{id: a, git: /x.git, branch: '../x'}]", "not a branch"),
        ("anchors: [{id: a, git: /x.git, ssh_key: nowhere}]", "there is no file"),
        ("anchors: [{id: a, git: /x.git, name: x}]", "is allowed for the kind witness"),
        ('anchors: [{id: a, witness: "https://x.example"}]', "requires `name`"),
        ("anchors: [{id: a, git: /x.git}, {id: a, git: /y.git}]", 'two entries have the id "a"'),
        ('witness_for: [{id: a, url: "ftp://x.example"}]', "not an http or https URL"),
        ("anchors: [{id: a, git: /x.git, timeout: 1h}]", "between 1s and 5m"),
    ],
)
def test_mistake_is_reported_with_a_remedy(text: str, expected_text: str, tmp_path: Path) -> None:
    result = examine_text(tmp_path, text)
    assert result.portfolio is None
    assert any(expected_text in str(problem) for problem in result.problems), result.problems
