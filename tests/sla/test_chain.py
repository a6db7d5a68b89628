"""Tests of the hash chain: Merkle paths, positions of runs, and breaks."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sla.chain import (
    NO_HEAD,
    Head,
    Part,
    Position,
    closed_day,
    covered_runs,
    digest,
    fact_digest,
    fact_products,
    incident_digest,
    path,
    root,
    root_from,
    series_digest,
)
from sla.chain_check import FACT, INCIDENT, Break, Chain, Covered, Proof, Record, find_breaks, late_runs
from sla.correction import Correction, Revocation
from sla.fact import REVOCATION, Fact
from sla.incident import Failure, Incident
from sla.interval import DAY, HOUR, MINUTE, Interval
from sla.observation import Outcome, Run

leaves = st.lists(st.integers(0, 10**6).map(lambda n: digest("leaf", n)), max_size=40)


@given(leaves)
def test_merkle_path_gives_the_root_for_its_leaf_only(actual: list[str]) -> None:
    top = root(actual)
    for index, leaf in enumerate(actual):
        way = path(actual, index)
        assert root_from(leaf, index, len(actual), way) == top
        assert len(way) <= 6
        if len(actual) > 1:
            assert root_from(digest("leaf", "another"), index, len(actual), way) != top


@given(leaves, leaves)
def test_different_leaves_have_different_roots(one: list[str], other: list[str]) -> None:
    assert (root(one) == root(other)) == (one == other)


@pytest.mark.parametrize(
    ("index", "count", "way"), [(0, 0, []), (1, 1, []), (-1, 3, []), (0, 1, ["a"]), (0, 2, []), (1, 3, ["a", "b", "c"])]
)
def test_path_with_a_wrong_length_is_rejected(index: int, count: int, way: list[str]) -> None:
    with pytest.raises(ValueError, match="path"):
        root_from("leaf", index, count, way)


def run(first: int, last: int, count: int, **options: Any) -> Run:
    return Run("web/a", Outcome.GOOD, "", first, last, count, 100, **options)


A, B, C = run(0, 90, 10, latency_count=10, latency_sum=50, latency_max=9), run(100, 150, 6), run(200, 290, 10)


def test_head_covers_the_runs_between_two_positions() -> None:
    half = Position(0, 40, 5, 5, 20, 9)
    assert covered_runs([A, B, C], None, half) == [half.truncate(A)]
    assert covered_runs([A, B, C], half, Position(100, 120, 3, 0, 0, 0)) == [A, replace(B, last=120, count=3)]
    assert covered_runs([A, B, C], Position.at_end_of(B), Position.at_end_of(C)) == [B, C]


@pytest.mark.parametrize(
    ("runs", "before", "position", "message"),
    [
        ([], None, Position.at_end_of(A), "is missing"),
        ([A], None, Position.at_end_of(B), "is missing"),
        ([B, C], Position.at_end_of(A), Position.at_end_of(C), "of the previous head is missing"),
        ([A], None, replace(Position.at_end_of(A), count=99), "ends earlier"),
        ([A], None, replace(Position.at_end_of(A), last=91), "ends earlier"),
        ([A], None, replace(Position.at_end_of(A), latency_sum=51), "ends earlier"),
        ([A, B], replace(Position.at_end_of(A), last=95), Position.at_end_of(B), "of the previous head ends earlier"),
        ([A], Position.at_end_of(A), Position(0, 40, 5, 5, 20, 9), "of the previous head ends earlier"),
    ],
)
def test_runs_that_do_not_fit_the_positions_are_rejected(
    runs: list[Run], before: Position | None, position: Position, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        covered_runs(runs, before, position)


def test_truncated_run_may_be_shorter_by_one_observation() -> None:
    truncated = replace(A, last=85, count=9, latency_count=0, latency_sum=0, latency_max=0)
    assert covered_runs([truncated], None, Position.at_end_of(A), exact=False) == [A]
    for shorter in (
        replace(truncated, count=8),
        replace(truncated, last=85, hold=4),
        replace(truncated, latency_count=1),
    ):
        with pytest.raises(ValueError, match="ends earlier"):
            covered_runs([shorter], None, Position.at_end_of(A), exact=False)
    with pytest.raises(ValueError, match="ends earlier"):
        covered_runs([truncated], None, Position.at_end_of(A))


def test_digest_of_runs_depends_on_every_field() -> None:
    before = series_digest(("web/a", "local"), [A])
    changes: list[dict[str, Any]] = [
        {"outcome": Outcome.BAD},
        {"reason": "x"},
        {"first": 1},
        {"last": 91},
        {"count": 11},
        {"hold": 101},
        {"latency_count": 9},
        {"latency_sum": 51},
        {"latency_max": 8},
        {"seeded": True},
        {"recheck": True},
    ]
    actual = {series_digest(("web/a", "local"), [replace(A, **change)]) for change in changes}
    assert len(actual) == len(changes)
    assert before not in actual
    assert series_digest(("web/b", "local"), [A]) != before != series_digest(("web/a", "else"), [A])


CORRECTION = Correction("web", Interval(0, HOUR), "Ada", "locked", 5).fact()
REVOKED = Revocation(CORRECTION.id, "Ada", "not locked", 6).fact()
NOTE = Fact.of(7, "Ada", "note", "", {"text": "x"})
BROKEN = Fact("0", 8, "Eve", REVOCATION, "", "{}")
RESOLVED = replace(Incident.open("web", "web/a", 10, "deadline"), resolved=20, downtime=10, first=Failure(10, "x"))


def test_revocation_has_the_product_of_its_correction() -> None:
    actual = fact_products([REVOKED, CORRECTION, NOTE, BROKEN])
    assert actual == {REVOKED.id: "web", CORRECTION.id: "web", NOTE.id: "", "0": ""}
    assert fact_products([REVOKED]) == {REVOKED.id: ""}


def test_closed_day_is_the_last_complete_day() -> None:
    assert [closed_day(at) for at in (0, DAY - 1, DAY, 20_000 * DAY)] == [-1, -1, 0, 19_999]
    head = Head(1, 20_786, None, 0, True, "", NO_HEAD)
    assert (head.date, head.first_date, replace(head, since=20_785).first_date) == ("2026-11-29", None, "2026-11-28")


RECORD = Record({("web/a", "local"): [A, B, C]}, [CORRECTION, REVOKED, NOTE], [RESOLVED])
OTHER = Part("other", {("other/b", "local"): digest("runs", "others")})


def chain(*, proved: bool = False) -> Chain:
    """Return a chain of two heads over the record. `proved`: with another product and Merkle proofs."""
    actual = [
        Covered(
            {("web/a", "local"): (p := Position(100, 120, 3, 0, 0, 0), digest_of([A, p.truncate(B)]))},
            {(FACT, fact.id): fact_digest(fact) for fact in (CORRECTION, NOTE)},
        ),
        Covered(
            {("web/a", "local"): (Position.at_end_of(C), digest_of([B, C]))},
            {(FACT, REVOKED.id): fact_digest(REVOKED), (INCIDENT, RESOLVED.id): incident_digest(RESOLVED)},
        ),
    ]
    parts = [
        [Part("", {}, [fact_digest(NOTE)]), Part("web", series_of(actual[0]), [fact_digest(CORRECTION)])],
        [Part("web", series_of(actual[1]), [fact_digest(REVOKED)], [incident_digest(RESOLVED)])],
    ]
    heads: list[Head] = []
    proofs: dict[int, list[Proof]] = {}
    for number, day in enumerate(parts, 1):
        every = sorted([*day, *([OTHER] if proved else [])], key=lambda part: part.product)
        found_leaves = [part.leaf for part in every]
        before = heads[-1].digest if heads else NO_HEAD
        since = None if number == 1 else 1
        heads.append(Head(number, number - 1, since, number * DAY, number == 1, root(found_leaves), before))
        proofs[number] = [
            Proof(part.product, at, len(every), tuple(path(found_leaves, at)))
            for at, part in enumerate(every)
            if part is not OTHER
        ]
    digests = [head.digest for head in heads]
    return Chain(heads, digests, dict(enumerate(actual, 1)), proofs if proved else None)


def digest_of(runs: list[Run]) -> str:
    return series_digest(("web/a", "local"), runs)


def series_of(actual: Covered) -> dict[tuple[str, str], str]:
    return {name: digest for name, (_, digest) in actual.series.items()}


@pytest.mark.parametrize("proved", [False, True])
def test_unchanged_record_has_no_breaks(proved: bool) -> None:
    assert list(find_breaks(chain(proved=proved), RECORD)) == []


@pytest.mark.parametrize("proved", [False, True])
@pytest.mark.parametrize(
    ("record", "head", "message"),
    [
        (replace(RECORD, runs={}), 1, "runs of the check a were changed: "),
        (replace(RECORD, runs={("web/a", "local"): [replace(A, reason="x"), B, C]}), 1, "changed, added or removed"),
        (replace(RECORD, runs={("web/a", "local"): [A, B, replace(C, count=7)]}), 2, "were changed: "),
        (replace(RECORD, facts=[REVOKED, NOTE]), 1, f"the fact {CORRECTION.id} is missing"),
        (replace(RECORD, facts=[CORRECTION, REVOKED, replace(NOTE, author="Eve")]), 1, f"{NOTE.id} was changed"),
        (replace(RECORD, incidents=[]), 2, f"the incident {RESOLVED.id} is missing"),
        (replace(RECORD, incidents=[replace(RESOLVED, downtime=9)]), 2, f"the incident {RESOLVED.id} was changed"),
    ],
)
def test_change_is_reported_with_the_head_that_covers_it(record: Record, head: int, message: str, proved: bool) -> None:
    breaks = list(find_breaks(chain(proved=proved), record))
    assert breaks[0].head == head
    assert any(message in str(problem) for problem in breaks)


def test_break_text_has_day_product_and_head() -> None:
    one = Break(3, "2026-11-29", "web", "it was changed")
    assert str(one) == "2026-11-29 (head 3) of web: it was changed"
    assert str(replace(one, product="")) == "2026-11-29 (head 3): it was changed"
    assert replace(one, product="").as_json()["product"] is None


def relink(heads: list[Head]) -> Chain:
    return replace(chain(), heads=heads, recorded_digests=[head.digest for head in heads])


def test_wrong_links_between_heads_are_reported() -> None:
    first, second = chain().heads
    for heads, message in (
        ([second], "a head before this one is missing"),
        ([first, replace(second, number=3)], "a head before this one is missing"),
        ([first, replace(second, previous=NO_HEAD)], "its link to the previous head is wrong"),
        ([first, replace(second, day=0)], "its day is not later than the day of the previous head"),
        ([replace(first, full=False), replace(second, previous=replace(first, full=False).digest)], "does not cover"),
    ):
        assert any(message in chain_break.text for chain_break in find_breaks(relink(list(heads)), RECORD)), message
    repeated = replace(chain(), recorded_digests=[first.digest, first.digest])
    assert [chain_break.text for chain_break in find_breaks(repeated, RECORD)] == [
        "its digest does not match its fields"
    ]


def test_content_that_does_not_match_the_covered_digests_is_reported() -> None:
    """The record and the covered digests were changed, but not the head."""
    actual = chain()
    runs = [replace(A, reason="x"), B, C]
    changed = dict(actual.covered)
    position = Position(100, 120, 3, 0, 0, 0)
    entry = (position, digest_of([runs[0], position.truncate(B)]))
    changed[1] = Covered({("web/a", "local"): entry}, actual.covered[1].items)
    record = replace(RECORD, runs={("web/a", "local"): runs})
    (one,) = find_breaks(replace(actual, covered=changed), record)
    assert (one.head, one.product) == (1, "")
    proved = chain(proved=True)
    (one,) = find_breaks(replace(proved, covered=changed), record)
    assert (one.head, one.product) == (1, "web")


def test_missing_superfluous_or_invalid_proof_is_reported() -> None:
    actual = chain(proved=True)
    assert actual.proofs is not None
    own = actual.proofs[2][0]
    for proofs in ([], [own, replace(own, product="more")], [replace(own, path=())], [replace(own, index=0)]):
        breaks = list(find_breaks(replace(actual, proofs=dict(actual.proofs) | {2: proofs}), RECORD))
        assert {problem.head for problem in breaks} == {2}
    assert (
        list(find_breaks(replace(actual, covered={1: actual.covered[1]}, proofs={1: actual.proofs[1]}), RECORD)) == []
    )


def test_head_of_the_complete_record_does_not_depend_on_earlier_heads() -> None:
    first, second = chain().heads
    position = Position.at_end_of(C)
    covered = Covered({("web/a", "local"): (position, digest_of([A, B, C]))})
    content = root([Part("web", series_of(covered)).leaf])
    third = Head(3, 1, None, 3 * DAY, True, content, second.digest)
    actual = replace(relink([first, second, third]), covered={3: covered})
    assert actual.begin == 3
    assert list(find_breaks(actual, RECORD)) == []


def test_late_runs_are_the_runs_that_no_head_covers() -> None:
    late, new = run(95, 96, 1), run(3 * DAY, 3 * DAY + MINUTE, 2)
    record = replace(RECORD, runs={("web/a", "local"): [A, B, C, new], ("web/late", "local"): [late]})
    assert list(late_runs(chain(), record)) == [late]
    assert list(late_runs(Chain([], [], {}), record)) == []
    begun = replace(chain(), heads=[*chain().heads, Head(3, 1, None, 0, True, "", "")])
    assert list(late_runs(begun, RECORD)) == [A, B, C]
