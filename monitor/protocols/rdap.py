"""What a registry's directory says (RDAP: RFC 9082, 9083), and which directory to ask (RFC 9224)."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import AfterValidator

from monitor.config.model import HostName
from monitor.http.json_body import document, members
from monitor.network.failure import ProbeFailure, quoted
from sla.interval import SECOND
from sla.observation import Outcome

if TYPE_CHECKING:
    from monitor.http.response import Response

BOOTSTRAP = "https://data.iana.org/rdap/dns.json"
_LOST = {"redemption period", "pending delete", "client hold", "server hold", "inactive"}  # RFC 8056
_UNREGISTERED = {"alt", "internal", "invalid", "local", "localhost", "onion"}  # top-level, by IANA's special-use names


def _registrable(name: str) -> str:
    """Return the name, and refuse what nobody registers as far as a name tells."""
    labels = name.removesuffix(".").lower().split(".")
    if len(labels) < 2 or ":" in name or labels[-1].isdecimal() or labels[-1] in _UNREGISTERED or "_" in name:
        raise ValueError(f"{quoted(name)} is no name that is registered; write example.org")
    return ".".join(labels)


RegisteredName = Annotated[HostName, AfterValidator(_registrable)]
"""A name that a registry may know, in lower case."""


def server_of(domain: str, bootstrap: Any) -> str:
    """Return the https server of the longest suffix that IANA's list has (RFC 9224, 4).

    Raises:
        ProbeFailure: `rdap_malformed`, `rdap_none`.
    """
    try:
        servers = {name.lower(): urls for names, urls in bootstrap["services"] for name in names}
        labels = domain.split(".")
        suffixes = (".".join(labels[start:]) for start in range(1, len(labels)))
        return str(next(url for suffix in suffixes for url in servers.get(suffix, ()) if url.startswith("https://")))
    except (KeyError, TypeError, ValueError, AttributeError):
        raise ProbeFailure("rdap_malformed", "IANA's list of servers cannot be read") from None
    except StopIteration:
        raise ProbeFailure("rdap_none", f"IANA's list has no server for {domain}; name one with rdap") from None


def missing(response: Response, domain: str) -> ProbeFailure:
    """Return what a 404 says: that there is no such name if a directory says it (RFC 7480, 5.3), otherwise nothing."""
    kind = response.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == "application/rdap+json" or members(response).get("errorCode") == 404:
        return ProbeFailure("domain_unregistered", f"the registry knows no {domain}")
    return ProbeFailure(
        "rdap_malformed", "the status is 404, but not RDAP's: is rdap its URL?", outcome=Outcome.UNKNOWN
    )


def end_of(response: Response) -> int:
    """Return when the registration ends, microseconds since the Unix epoch.

    Raises:
        ProbeFailure: `domain_status`: it is not in force; `domain_no_expiry`, `rdap_malformed`, unknown: nobody says.
    """
    answer = _read(response)
    try:
        lost = _LOST & {str(each).lower() for each in answer.get("status", ())}
        ends = [each["eventDate"] for each in answer.get("events", ()) if each["eventAction"] == "expiration"]
        instants = [datetime.fromisoformat(each) for each in ends]
    except (KeyError, TypeError, ValueError, AttributeError):
        raise ProbeFailure("rdap_malformed", "the answer is not RDAP's", outcome=Outcome.UNKNOWN) from None
    if lost:
        raise ProbeFailure("domain_status", f"the registration is in {quoted(', '.join(sorted(lost)))}")
    if not instants:
        raise ProbeFailure("domain_no_expiry", "the registry does not say when it ends", outcome=Outcome.UNKNOWN)
    end = max(each if each.tzinfo else each.replace(tzinfo=UTC) for each in instants)
    return int(end.timestamp()) * SECOND


def _read(response: Response) -> Any:
    """Return what the registry says. That it cannot be read is no fault of whoever registered the name."""
    try:
        return document(response)
    except ProbeFailure as failure:
        raise ProbeFailure("rdap_malformed", failure.detail, outcome=Outcome.UNKNOWN) from None
