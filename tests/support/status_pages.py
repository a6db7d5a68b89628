"""A portfolio with marked private texts, and a public status page over it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from monitor.config.maintenance import Maintenance
from monitor.facts.fact_index import Facts
from sla.interval import DAY, HOUR, MINUTE
from sla.public_incident import Impact, Phase, PublicIncident, PublicUpdate
from sla.window import format_instant
from tests.support.ledgers import BAD_RESULT, NOW, FakeCheck, history, ledger_of, probe_all, resolved_incidents

if TYPE_CHECKING:
    from monitor.ledger.ledger import Ledger

SECRET = "zq"  # every private text contains it, and no public text does
PAGE = "citizens"


def private_product(product_id: str, **fields: Any) -> dict[str, Any]:
    """Return a product whose id, name, team, check and target are private."""
    return {
        "id": f"{SECRET}-{product_id}",
        "name": f"{SECRET} {product_id}",
        "team": f"{SECRET} team",
        "objective": "99.837%",
        "checks": (FakeCheck(id=f"{SECRET}-health", http=f"https://{SECRET}.internal/", interval="1m", timeout="10s"),),
        **fields,
    }


def maintenance(start: int = NOW + DAY, length: int = 2 * HOUR) -> Maintenance:
    """Return planned maintenance with a private reason."""
    times = {"start": _minute(start), "end": _minute(start + length)}
    return Maintenance.model_validate({**times, "zone": "UTC", "reason": f"{SECRET} patch"})


def _minute(at: int) -> str:
    return format_instant(at // MINUTE * MINUTE)[:16]


def status_page(**fields: Any) -> dict[str, Any]:
    """Return a page with two groups of components."""
    components = [
        {"id": "sign-in", "name": "Sign-in", "group": "Accounts", "product": f"{SECRET}-sso"},
        {"id": "forms", "name": "Online forms", "description": "Applications", "product": f"{SECRET}-forms"},
        {"id": "mail", "name": "Messages", "group": "Accounts", "product": f"{SECRET}-mail"},
    ]
    licence = {"name": "CC-BY-4.0", "url": "https://creativecommons.org/licenses/by/4.0/"}
    return {"id": PAGE, "title": "Services for citizens", "licence": licence, "components": components, **fields}


def public_ledger(now: int = NOW, page: dict[str, Any] | None = None, **fields: Any) -> Ledger:
    """Return a ledger with a status page: forms are down, mail has no current data, and sign-in is up."""
    ledger = ledger_of(
        private_product("sso"),
        private_product("forms"),
        private_product("mail"),
        private_product("other", name=f"{SECRET} unpublished"),
        title=f"{SECRET} portfolio",
        status_pages=[status_page() if page is None else page],
        **fields,
    )
    keys = {name: f"{SECRET}-{name}/{SECRET}-health" for name in ("sso", "forms", "mail", "other")}
    outage = [(now - 12 * DAY, now - 12 * DAY + 20 * MINUTE, f"{SECRET}_reason")]
    runs = [*history(keys["sso"], now - 40 * DAY, now - HOUR, outage)]
    runs += history(keys["forms"], now - 95 * DAY, now - HOUR, [])
    runs += history(keys["mail"], now - 3 * DAY, now - HOUR, [])
    ledger.restore(runs, [], resolved_incidents(keys["sso"], outage))
    for name in ("sso", "forms"):
        probe_all(ledger, ledger.entries_of(f"{SECRET}-{name}"), now - 59 * MINUTE, now - 10 * MINUTE)
    probe_all(ledger, ledger.entries_of(f"{SECRET}-sso"), now - 9 * MINUTE, now)
    probe_all(ledger, ledger.entries_of(f"{SECRET}-forms"), now - 9 * MINUTE, now, BAD_RESULT)
    return ledger


def opened_incident(now: int = NOW, **fields: Any) -> PublicIncident:
    """Return an incident of forms that was detected 9 minutes ago and published 5 minutes ago, by a private author."""
    first = PublicUpdate(now - 5 * MINUTE, f"{SECRET} author", Phase.INVESTIGATING, "We look into it.", now + HOUR)
    defaults = {
        "page": PAGE,
        "title": "Online forms do not load",
        "components": ("forms",),
        "impact": Impact.OUTAGE,
        "product_incident": f"{SECRET}4f0c",
        "detected": now - 9 * MINUTE,
        "updates": (first,),
    }
    incident = PublicIncident(**{**defaults, **fields})
    return replace(incident, id=incident.fact().id)


def with_incidents(ledger: Ledger, now: int = NOW) -> list[PublicIncident]:
    """Add an open incident and one of last month to the ledger."""
    current, author = opened_incident(now), f"{SECRET} author"
    update = PublicUpdate(now - MINUTE, author, Phase.IDENTIFIED, "A server failed.\n\nWe replace it.", None)
    opening = PublicUpdate(now - 35 * DAY, author, Phase.INVESTIGATING, "Sign-in is slow.", None)
    closing = PublicUpdate(now - 35 * DAY + HOUR, author, Phase.RESOLVED, "It works again.", None)
    past = opened_incident(
        now, title="Slow sign-in", components=("sign-in",), impact=Impact.DEGRADED, updates=(opening,)
    )
    facts = [current.fact(), update.fact(current), past.fact(), closing.fact(past)]
    ledger.facts = Facts(ledger.facts.all, facts, former_ids=ledger.former_ids)
    return ledger.facts.public_incidents
