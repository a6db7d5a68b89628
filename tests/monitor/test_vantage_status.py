"""The status of a vantage in words."""

from __future__ import annotations

import pytest

from monitor.vantage_status import ReferenceStatus, VantageStatus


def near(name: str, good: bool | None) -> ReferenceStatus:
    return ReferenceStatus(name, "icmp", name, near=True, system=False, good=good)


@pytest.mark.parametrize(
    ("references", "location"),
    [
        ((), ""),
        ((near("gateway", None),), ""),
        ((near("gateway", True), near("resolver", True)), "the failure is beyond gateway, resolver"),
        ((near("gateway", True), near("resolver", False)), "the failure is beyond gateway; no answer from resolver"),
        ((near("gateway", False),), "also no answer from gateway: the failure is in the local network"),
    ],
)
def test_near_references_show_where_the_connection_is_cut(
    references: tuple[ReferenceStatus, ...], location: str
) -> None:
    assert VantageStatus("local", None, 0, {"ip4": False}, references).location == location


def test_summary_names_families_and_network() -> None:
    status = VantageStatus("local/vpn", "vpn", 0, {"ip4": False, "ip6": True}, ())
    assert (status.summary, status.fully_blind) == ("no far reference of the network vpn answers over IPv4", False)
    assert VantageStatus("local", None, 0, {"ip4": False}, ()).fully_blind
    assert not VantageStatus("local", None, 0, {}, ()).fully_blind
