"""Parse RDAP responses of registries (RFC 9082, 9083), and find a domain's RDAP server (RFC 9224)."""

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
_INACTIVE = {"redemption period", "pending delete", "client hold", "server hold", "inactive"}  # RFC 8056
_UNREGISTERED = {"alt", "internal", "invalid", "local", "localhost", "onion"}  # IANA's special-use names


def _registrable(name: str) -> str:
    """Return the name in lower case; reject names that cannot be registered."""
    labels = name.removesuffix(".").lower().split(".")
    if len(labels) < 2 or ":" in name or labels[-1].isdecimal() or labels[-1] in _UNREGISTERED or "_" in name:
        raise ValueError(f"{quoted(name)} is not a registrable domain; use a name such as example.org")
    return ".".join(labels)


RegisteredName = Annotated[HostName, AfterValidator(_registrable)]
"""A registrable domain, in lower case."""


def server_of(domain: str, bootstrap: Any) -> str:
    """Return the https URL of the RDAP server for the longest suffix in IANA's list (RFC 9224, 4).

    Raises:
        ProbeFailure: `rdap_malformed`, `rdap_none`.
    """
    try:
        servers = {name.lower(): urls for names, urls in bootstrap["services"] for name in names}
        labels = domain.split(".")
        suffixes = (".".join(labels[start:]) for start in range(1, len(labels)))
        return str(next(url for suffix in suffixes for url in servers.get(suffix, ()) if url.startswith("https://")))
    except (KeyError, TypeError, ValueError, AttributeError):
        raise ProbeFailure("rdap_malformed", "IANA's list of servers cannot be parsed") from None
    except StopIteration:
        raise ProbeFailure("rdap_none", f"no server for {domain} in IANA's list; specify one with rdap") from None


def not_found_failure(response: Response, domain: str) -> ProbeFailure:
    """Return the failure for a response with status 404: only an RDAP response means unregistered (RFC 7480, 5.3)."""
    kind = response.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == "application/rdap+json" or members(response).get("errorCode") == 404:
        return ProbeFailure("domain_unregistered", f"{domain} is not registered")
    return ProbeFailure(
        "rdap_malformed", "status 404, but not an RDAP response; check the URL in rdap", outcome=Outcome.UNKNOWN
    )


def expiration_of(response: Response) -> int:
    """Return the instant at which the registration expires, in microseconds since the Unix epoch.

    Raises:
        ProbeFailure: `domain_status`: the registration is not active; `domain_no_expiry`, `rdap_malformed`: unknown.
    """
    body = _parse(response)
    try:
        inactive = _INACTIVE & {str(status).lower() for status in body.get("status", ())}
        dates = [event["eventDate"] for event in body.get("events", ()) if event["eventAction"] == "expiration"]
        instants = [datetime.fromisoformat(date) for date in dates]
    except (KeyError, TypeError, ValueError, AttributeError):
        raise ProbeFailure("rdap_malformed", "not an RDAP response", outcome=Outcome.UNKNOWN) from None
    if inactive:
        raise ProbeFailure("domain_status", f"the registration has the status {quoted(', '.join(sorted(inactive)))}")
    if not instants:
        raise ProbeFailure("domain_no_expiry", "no expiry date in the registry's response", outcome=Outcome.UNKNOWN)
    expiry = max(instant if instant.tzinfo else instant.replace(tzinfo=UTC) for instant in instants)
    return int(expiry.timestamp()) * SECOND


def _parse(response: Response) -> Any:
    """Return the JSON body of the registry's response; the outcome is unknown if it cannot be parsed."""
    try:
        return document(response)
    except ProbeFailure as failure:
        raise ProbeFailure("rdap_malformed", failure.detail, outcome=Outcome.UNKNOWN) from None
