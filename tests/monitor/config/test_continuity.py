"""`continuity:`: one kind per transaction, limits that fit together, and a remedy for every mistake."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from monitor.config.loader import examine
from monitor.probes.registry import check_types
from tests.support.record_service import pair

if TYPE_CHECKING:
    from pathlib import Path

    from monitor.config.loader import LoadResult

URL = "https://forms.example.org"
REDIS = {"address": "queue.example.org"}
FORM = "01234567-89ab-cdef-0123-456789abcdef"


def examine_text(folder: Path, *transactions: dict[str, Any]) -> LoadResult:
    path = folder / "ninewatch.yaml"
    product = {"id": "web", "objective": "99%", "checks": [{"id": "a", "tcp": "127.0.0.1:9"}]}
    path.write_text(json.dumps({"products": [{**product, "continuity": transactions}]}))
    return examine(path, check_types(allow_exec=False))


def test_every_kind_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KEY", "k")
    secret = {"env": "KEY"}
    realm = "https://sso.example.org/auth/realms/standard"
    result = examine_text(
        tmp_path,
        {"id": "pair", "http": pair(URL)},
        {"id": "row", "postgres": {"address": "db.example.org", "user": "probe", "password": secret}},
        {"id": "queue", "redis": REDIS},
        {"id": "session", "keycloak": {"realm": realm, "client_id": "probe", "client_secret": secret}},
        {"id": "user", "keycloak": {"realm": realm, "client_id": "web", "user": "test", "password": secret}},
        {"id": "draft", "chefs": {"url": URL, "form": FORM, "version": FORM, "api_key": secret}},
    )
    assert result.portfolio is not None, result.problems
    blocks = result.portfolio.products[0].continuity
    assert [block.kind for block in blocks] == ["http", "postgres", "redis", "keycloak", "keycloak", "chefs"]
    assert blocks[1].postgres is not None
    assert blocks[1].postgres.address.port == 5432


KEY = {"env": "KEY"}
ANONYMOUS = {"url": URL, "body": "{}", "capture": {"id": "$.id"}}
SESSION = {"realm": URL, "client_id": "c"}


@pytest.mark.parametrize(
    ("transaction", "message"),
    [
        ({"id": "a"}, "has no kind; add one of http, postgres, redis, keycloak, chefs"),
        ({"id": "a", "redis": REDIS, "http": pair(URL)}, "excludes http in the same transaction"),
        ({"id": "a", "redis": REDIS, "every": "1s"}, "must be 120 or more: one per `every` of `open_for`"),
        ({"id": "a", "redis": REDIS, "every": "2h"}, "must be between 1s and 1h"),
        ({"id": "a", "http": pair(URL, clean={"url": f"{URL}/{{{{key}}}}"})}, "{{key}} is unknown; capture it in"),
        ({"id": "a", "http": pair(URL, begin=ANONYMOUS)}, "has no {{run_id}}"),
        ({"id": "a", "http": pair(URL, read={"url": URL, "finished": {"$[": 1}})}, "not a JSON path"),
        ({"id": "a", "http": pair(URL, read={"url": URL})}, "accepts any page with status 200"),
        ({"id": "a", "postgres": {"address": "db", "user": "u", "table": "a; DROP"}}, "not a table"),
        ({"id": "a", "keycloak": SESSION}, "needs client_secret, or a test user"),
        ({"id": "a", "keycloak": {**SESSION, "user": "u"}}, "belong together"),
        ({"id": "a", "chefs": {"url": URL, "form": "7", "version": FORM, "api_key": KEY}}, "not a UUID"),
        (
            {"id": "a", "every": "5s", "open_for": "20s", "keycloak": {**SESSION, "client_secret": KEY}},
            "must be 10s or longer for keycloak",
        ),
        ({"id": "a", "http": pair(URL, basic={"user": "u", "password": KEY}, bearer=KEY)}, "keep basic or bearer"),
    ],
)  # fmt: skip
def test_mistake_has_a_remedy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, transaction: dict[str, Any], message: str
) -> None:
    monkeypatch.setenv("KEY", "k")
    result = examine_text(tmp_path, transaction)
    assert result.portfolio is None
    assert message in " ".join(str(problem) for problem in result.problems)


def test_two_transactions_need_two_ids(tmp_path: Path) -> None:
    result = examine_text(tmp_path, {"id": "a", "redis": REDIS}, {"id": "a", "redis": REDIS})
    assert 'two transactions have the id "a"' in str(result.problems)
