"""Fixtures: a server that accepts changes, with a receiver of notifications."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support.alerting import ledger_with_receivers
from tests.support.ledgers import product
from tests.support.sinks import Sink
from tests.support.writable_server import WritableServer, writable

if TYPE_CHECKING:
    from monitor.ledger.ledger import Ledger


@pytest.fixture
def sink() -> Iterator[Sink]:
    with Sink().serving() as served:
        yield served


def ledger_of_sink(sink: Sink) -> Ledger:
    products = (
        product("forms", 1, "99%", name="Common Forms", readiness={"checklist": "five-nines"}),
        product("sso", 1, "99%"),
    )
    return ledger_with_receivers(*products, receivers=[{"id": "ops", "webhook": sink.url()}])


@pytest.fixture
async def server(tmp_path: Path, sink: Sink) -> AsyncIterator[WritableServer]:
    async with writable(ledger_of_sink(sink), tmp_path) as served:
        yield served
