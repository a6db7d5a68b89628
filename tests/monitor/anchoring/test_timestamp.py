"""Heads are stamped by a real RFC 3161 service, and the tokens verify later without it."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from monitor.anchoring.receipt import receipts
from monitor.anchoring.timestamp import TokenError, proof_of, query, verify_token
from tests.support.time_stamping import Service, authority, time_stamping

if TYPE_CHECKING:
    from tests.monitor.anchoring.conftest import AnchoredRecord


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    with time_stamping(tmp_path / "tsa") as actual:
        yield actual


def configured(record: AnchoredRecord, service: Service) -> None:
    record.configure(anchors=[{"id": "tsa", "timestamp": service.url, "ca": str(service.ca)}])


async def test_newest_head_is_stamped_once_and_covers_earlier_days(record: AnchoredRecord, service: Service) -> None:
    before = record.checked()
    assert before.anchors.uncovered == [(None, "2026-10-31")]
    configured(record, service)
    await record.advance()
    await record.advance(3600)
    assert len(service.queries) == 1
    actual = record.checked(ca=service.ca.read_text())
    assert actual.is_intact
    assert actual.anchors.uncovered == []
    (one,) = actual.anchors.results
    assert (one.receipt.number, one.receipt.day, one.verified) == (2, "2026-10-31", True)
    assert one.at is not None
    assert abs(one.at - record.clock.now()) < 60_000_000
    assert record.health.anchored_until["tsa"] == 1793491200000000
    assert "compare it, or use --ca" in record.checked().anchors.results[0].text


async def test_later_days_are_not_covered_until_they_are_stamped(record: AnchoredRecord, service: Service) -> None:
    configured(record, service)
    await record.advance()
    record.close_day()
    assert record.checked().anchors.uncovered == [("2026-11-01", "2026-11-01")]
    await record.advance(70)
    assert record.checked().anchors.uncovered == []
    assert [receipt.number for receipt in receipts(record.store.load_facts())] == [2, 3]


@pytest.mark.parametrize("failure", ["status", "garbage", "other token", "down"])
async def test_failure_is_counted_and_retried(record: AnchoredRecord, service: Service, failure: str) -> None:
    configured(record, service)
    other, nonce = query("0" * 64)
    if failure == "status":
        service.status = 503
    elif failure == "garbage":
        service.change = lambda _: b"no token"
    elif failure == "other token":
        service.change = lambda answer: answer[:-1] + bytes([answer[-1] ^ 1])
    else:
        record.configure(anchors=[{"id": "tsa", "timestamp": "http://127.0.0.1:9/", "ca": str(service.ca)}])
    await record.advance()
    assert record.health.anchor_failures == {"tsa": 1}
    await record.advance(30)
    assert record.health.anchor_failures == {"tsa": 1}, "not at once"
    await record.advance(40)
    assert record.health.anchor_failures == {"tsa": 2}
    service.status, service.change = 200, bytes
    configured(record, service)
    await record.advance()
    assert record.checked().anchors.uncovered == []
    assert other
    assert nonce


async def test_outbound_policy_applies_to_the_service(record: AnchoredRecord, service: Service) -> None:
    anchor = {"id": "tsa", "timestamp": service.url, "ca": str(service.ca)}
    record.configure(anchors=[anchor], outbound={"deny": ["127.0.0.0/8"]})
    await record.advance()
    assert service.queries == []
    assert record.health.anchor_failures == {"tsa": 1}


async def test_secret_header_is_sent_and_never_shown(
    record: AnchoredRecord, service: Service, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """It is not in the log of a failure, in a receipt, or elsewhere in the record."""
    canary = "canary-5c1f0e"
    monkeypatch.setenv("TSA_KEY", canary)
    headers = {"X-Key": {"env": "TSA_KEY"}}
    record.configure(anchors=[{"id": "tsa", "timestamp": service.url, "ca": str(service.ca), "headers": headers}])
    service.status = 401
    await record.advance()
    service.status = 200
    await record.advance(70)
    assert service.keys == [canary, canary]
    assert record.checked().anchors.uncovered == []
    record.store.close()
    files = [file.read_bytes() for file in record.path.parent.glob("record.db*")]
    assert not any(canary.encode() in content for content in files)
    printed = capfd.readouterr()
    assert "head_not_anchored" in printed.out + printed.err
    assert canary not in printed.out + printed.err
    assert canary not in repr(record.ledger.portfolio.anchors)


async def test_token_with_wrong_authority_head_or_nonce_is_rejected(
    record: AnchoredRecord, service: Service, tmp_path: Path
) -> None:
    configured(record, service)
    await record.advance()
    (receipt,) = receipts(record.store.load_facts())
    proof = dict(receipt.proof)
    assert verify_token(proof, receipt.head).at
    other = authority(tmp_path / "other", "Other").read_text()
    for changed, head, ca in (
        (proof, receipt.head, other),
        (proof, "1" + receipt.head[1:], None),
        (proof | {"nonce": "1"}, receipt.head, None),
        (proof | {"token": proof["token"][:-8]}, receipt.head, None),
        (proof | {"token": base64.b64encode(b"x").decode()}, receipt.head, None),
        (proof | {"ca": "no PEM"}, receipt.head, None),
        (proof_of(b"", 1, ""), receipt.head, None),
    ):
        with pytest.raises(TokenError):
            verify_token(changed, head, ca)
    wrong = record.checked(ca=other)
    assert not wrong.is_intact
    assert "the token does not verify" in next(iter(wrong.broken()))


async def test_edited_record_with_recomputed_chain_contradicts_its_stamp(
    record: AnchoredRecord, service: Service
) -> None:
    """An attacker with the file edits a day and recomputes all heads, but cannot forge the receipt."""
    import sqlite3

    configured(record, service)
    await record.advance()
    record.store.close()
    with sqlite3.connect(record.path) as connection:
        for (name,) in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'trigger'").fetchall():
            connection.execute(f"DROP TRIGGER {name}")
        connection.execute("UPDATE runs SET reason = 1, outcome = 1 WHERE outcome = 2")
        for table in ("heads", "head_series", "head_items"):
            connection.execute(f"DELETE FROM {table}")  # noqa: S608 - names of tables
    connection.close()
    from monitor.storage.sqlite import SqliteStore
    from sla.interval import DAY
    from tests.monitor.bundle.worlds import close_day

    store = SqliteStore(record.path, record.end)
    for now in (record.end - DAY, record.end):
        assert close_day(store, record.path, now) is not None
    store.close()
    actual = record.checked(ca=service.ca.read_text())
    assert actual.breaks == []
    assert not actual.is_intact
    assert "its head 2 differs from the head in the chain" in next(iter(actual.broken()))


async def test_verify_command_uses_the_given_authority(
    record: AnchoredRecord, service: Service, tmp_path: Path
) -> None:
    from tests.monitor.bundle.test_verification import run

    configured(record, service)
    await record.advance()
    config = tmp_path / "ninewatch.yaml"
    config.write_text(
        f"store: {record.path}\nproducts:\n- {{id: web, objective: 99%, checks: [{{id: a, tcp: '127.0.0.1:9'}}]}}\n"
    )
    result = run("verify", "--record", "-c", config, "--ca", service.ca)
    assert result.exit_code == 0, result.output
    assert "anchored until 2026-10-31 by tsa: stamped at" in result.output
    assert "verified against the CA of --ca" in result.output
    anchors = json.loads(run("verify", "--record", "-c", config, "--json").output)["anchors"]
    assert anchors["not_covered"] == []
    assert anchors["receipts"][0]["verified"] is True
