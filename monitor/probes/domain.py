"""The `domain` kind: how long a registration still lasts, asked of its registry's directory (RDAP: RFC 9082, 9083).

The server is found as RFC 9224 says, and remembered for a day.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from pydantic import AfterValidator

from monitor.config.model import Duration, HostName, HttpUrl
from monitor.config.values import Within
from monitor.probes.base import Frame, Kind, Probe
from monitor.probes.failure import ProbeFailure, quoted
from monitor.probes.fetch import FetchingCheck
from monitor.probes.http import fetcher
from monitor.probes.instrument import instrument
from monitor.probes.json_body import document
from monitor.vocabulary import ProbeResult
from sla.interval import DAY, HOUR, MINUTE, SECOND
from sla.observation import Outcome

if TYPE_CHECKING:
    from monitor.probes.http_response import Response

BOOTSTRAP = "https://data.iana.org/rdap/dns.json"
_LOST = {"redemption period", "pending delete", "client hold", "server hold", "inactive"}  # RFC 8056

Pace = Annotated[Duration, AfterValidator(Within(10 * MINUTE, DAY, "between 10m and 1d: registries count queries"))]


class DomainCheck(FetchingCheck):
    """Good when the registration is in force and lasts long enough. What the registry does not say is unknown."""

    kind: ClassVar[str] = "domain"

    interval: Pace = 6 * HOUR
    """Time from one probe to the next; registries count queries."""

    domain: HostName
    """The registered name, without `www`."""

    valid_for: Duration = 30 * DAY
    """Bad when the registration ends sooner than this from now."""

    rdap: HttpUrl | None = None
    """The RDAP server to ask. Default: the one that IANA names for the top-level domain."""


def prepare(check: DomainCheck) -> Probe:
    """Return the probe that asks the registry."""
    found: tuple[int, str] | None = None if check.rdap is None else (0, check.rdap)

    async def read(frame: Frame) -> Response:
        nonlocal found
        if found is None or (check.rdap is None and frame.now() > found[0] + DAY):
            list_of_servers = await fetcher(check.request(BOOTSTRAP, redirects=3))(frame)
            found = frame.now(), _server(document(list_of_servers), check.domain)
        url = f"{found[1].rstrip('/')}/domain/{check.domain}"
        response = await fetcher(check.request(url, redirects=3))(frame)
        if response.status not in (200, 404):
            raise ProbeFailure("http_status", f"status {response.status}")
        return response

    async def probe(frame: Frame) -> ProbeResult:
        response = await instrument(check, "rdap", read(frame))
        if response.status == 404:
            raise ProbeFailure("domain_unregistered", f"the registry knows no {check.domain}")
        left = _left(_read(response), frame.now(), check)
        return ProbeResult(Outcome.GOOD, "", None, frame.phases, f"ends in {left / DAY:.1f} days")

    return probe


def _server(bootstrap: Any, domain: str) -> str:
    """Return the https server of the longest suffix that the list has (RFC 9224, 4)."""
    try:
        servers = {name.lower(): urls for names, urls in bootstrap["services"] for name in names}
        labels = domain.lower().split(".")
        suffixes = (".".join(labels[start:]) for start in range(1, len(labels)))
        return str(next(url for suffix in suffixes for url in servers.get(suffix, ()) if url.startswith("https://")))
    except (KeyError, TypeError, ValueError, AttributeError):
        raise ProbeFailure("rdap_malformed", "IANA's list of servers cannot be read") from None
    except StopIteration:
        raise ProbeFailure("rdap_none", f"IANA's list has no server for {domain}; name one with rdap") from None


def _read(response: Response) -> Any:
    """Return what the registry says. That it cannot be read is no fault of whoever registered the name."""
    try:
        return document(response)
    except ProbeFailure as failure:
        raise ProbeFailure("rdap_malformed", failure.detail, outcome=Outcome.UNKNOWN) from None


def _left(answer: Any, now: int, check: DomainCheck) -> int:
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
    left = int(end.timestamp()) * SECOND - now
    if left < check.valid_for:
        raise ProbeFailure("domain_expiring", f"ends in {left / DAY:.1f} days, wanted {check.valid_for / DAY:g}")
    return left


KIND = Kind(
    "domain",
    DomainCheck,
    prepare,
    example="""\
id: registration
domain: example.org
valid_for: 60d
""",
    reasons={
        "domain_expiring": "the registration ends too soon",
        "domain_no_expiry": "unknown: the registry does not say when it ends",
        "domain_status": "the registration is on hold, or about to be given up",
        "domain_unregistered": "the registry knows no such name",
        "rdap_malformed": "unknown: the registry's answer cannot be read",
        "rdap_unavailable": "unknown: the directory, which is not what is watched, did not answer",
    },
    schemes={"domain": {}},
)
