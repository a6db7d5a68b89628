"""The API is fuzzed by its OpenAPI description: schemathesis with all checks, valid and invalid requests, seeded."""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from typing import TYPE_CHECKING, Any, Final

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, Verbosity, given, seed, settings
from hypothesis.errors import Unsatisfiable
from schemathesis.checks import CHECKS, load_all_checks
from schemathesis.config import SchemathesisConfig
from schemathesis.core.failures import FailureGroup

from monitor.access.scopes import Scope
from monitor.storage.sqlite import SqliteStore
from monitor.web.openapi import description
from tests.support.ledgers import NOW, ledger_of, product
from tests.support.status_pages import PAGE
from tests.support.writable_server import open_alert, writable

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.clocks import ManualClock

# A request that fits the schema may get 400 too: a schema cannot describe windows, or that an instant is in the future.
ACCEPTED: Final = ["2xx", "400", "403", "404", "409", "429"]
CONFIGURATION: Final = {"checks": {"positive_data_acceptance": {"expected-statuses": ACCEPTED}}}
# No request without parameters and body is invalid.
NOTHING_INVALID: Final = {
    schemathesis.GenerationMode.POSITIVE: (),
    schemathesis.GenerationMode.NEGATIVE: (Unsatisfiable,),
}
STATUS_PAGE: Final = {"id": PAGE, "title": "Services", "components": [{"id": "forms", "name": "F", "product": "forms"}]}


def problems_of(
    base: str, token: str, examples: int, clock: ManualClock
) -> tuple[list[str], Counter[schemathesis.GenerationMode]]:
    """Send generated requests for every operation.

    The server's clock advances before each one: the checks send invalid tokens, whose number per time is limited.
    Return the requests whose responses fail a check, and the number of operations that got valid and invalid requests.
    """
    config = SchemathesisConfig.from_dict(CONFIGURATION)
    schema = schemathesis.openapi.from_dict(description(), config=config)
    headers, problems = {"Authorization": f"Bearer {token}"}, []
    sent: Counter[schemathesis.GenerationMode] = Counter()
    options = settings(
        max_examples=examples,
        deadline=None,
        database=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
        verbosity=Verbosity.quiet,
    )
    for result in schema.get_all_operations():
        operation = result.ok()

        def send(case: Any) -> None:
            clock.jump(10)
            response = case.call(base_url=base, headers=headers)
            try:
                case.validate_response(response, headers=headers)
            except FailureGroup as failures:
                request = f"{case.method} {case.formatted_path} {case.query} {case.body!r:.200}"
                reasons = [failure.title for failure in failures.exceptions]
                problems.append(f"{request}: {response.status_code} {response.text:.200}: {reasons}")

        for mode in schemathesis.GenerationMode:
            with contextlib.suppress(*NOTHING_INVALID[mode]):
                seed(1)(options(given(case=operation.as_strategy(generation_mode=mode))(send)))()
                sent[mode] += 1
    return problems, sent


def test_all_checks_are_on() -> None:
    load_all_checks()
    checks = SchemathesisConfig.from_dict(CONFIGURATION).projects.get_default().checks
    assert len(CHECKS.get_all_names()) >= 14
    assert [name for name in CHECKS.get_all_names() if not checks.get_by_name(name=name).enabled] == []


@pytest.mark.slow
@pytest.mark.parametrize("examples", [1, pytest.param(100, marks=[pytest.mark.full, pytest.mark.timeout(3600)])])
@pytest.mark.fault(49)
async def test_generated_requests_get_documented_responses(tmp_path: Path, examples: int) -> None:
    ledger = ledger_of(product("forms"), product("sso"), status_pages=[STATUS_PAGE])
    SqliteStore(tmp_path / "ninewatch.db", NOW, new_record=True).close()
    async with writable(ledger, tmp_path) as server:
        await open_alert(server)
        token = server.token(*Scope, name="fuzzer")
        problems, sent = await asyncio.to_thread(problems_of, server.base, token, examples, server.clock)
    assert problems == [], "\n\n".join(problems)
    assert sent[schemathesis.GenerationMode.POSITIVE] > 50
    assert sent[schemathesis.GenerationMode.NEGATIVE] > 20
