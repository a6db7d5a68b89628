"""Options of the resolver's c-ares channels."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pycares

from monitor.network.resolver import Resolver
from tests.support.nameserver import dns_records, nameserver

if TYPE_CHECKING:
    import pytest

NAME = "target.example.test"


class ReusesMemory:
    """Proxy of pycares' c-ares binding that overwrites released memory before c-ares reads the options."""

    def __init__(self, library: Any) -> None:
        self._library = library
        self.overwriting: list[Any] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._library, name)

    def ares_init_options(self, *arguments: Any) -> Any:
        new = vars(pycares)["_ffi"].new
        self.overwriting += [new("char[]", b"x") for _ in range(1000)]
        return self._library.ares_init_options(*arguments)


async def test_channel_queries_dns_although_released_memory_is_reused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Otherwise every lookup fails, without a query, until the daemon is restarted."""
    library = ReusesMemory(vars(pycares)["_lib"])
    monkeypatch.setattr(pycares, "_lib", library)
    async with nameserver(dns_records("A 127.0.0.1")) as port:
        resolver = Resolver(["127.0.0.1"], port)
        try:
            assert [address[0] for _, address in await resolver.addresses(NAME, 80)] == ["127.0.0.1"]
        finally:
            await resolver.close()
    assert library.overwriting, "pycares starts channels through another name, which this test does not reach"
