"""Generate docs/probes.md from the registry: for each kind its meaning, an example, URLs and reason codes."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator
from inspect import getdoc
from typing import TYPE_CHECKING, Any

from monitor.probes.registry import KINDS

if TYPE_CHECKING:
    from monitor.probes.base import Kind

_HEAD = """\
# Probe kinds

Made by `make generate` from the kinds' own files (`monitor/probes/`); a test runs every example against its own server.
The keys of each kind are in [CONFIGURATION.md](../CONFIGURATION.md). `ninewatch probe URL` and
`ninewatch probe -c FILE product/check` make one attempt and print outcome, reason and phases.

The outcome is **good**, **bad** or **unknown**. Unknown means that the state of the target could not be determined; it
does not count against the target. The phases are `resolve`, `connect`, `tls`, `first_byte` and `transfer`; other
exchanges count as `first_byte`. One deadline, `timeout`, covers all phases. A good answer that took longer than
`slow_after` is marked and counted as `slow`.

The policy `outbound` limits the addresses that probes may connect to. It is checked for the address of each connection,
so no name, redirect or notation can bypass it. Link-local addresses and metadata services of clouds are always denied.
The policy does not apply to connections of the program of an `exec` check and the browser of a `browser` check; this is
one reason why they require `--allow-exec`.

## Reasons of all kinds

| reason | outcome | meaning |
|---|---|---|
"""

# Reasons of the runner, connections and the resolver, for every kind -> (outcome, meaning).
SHARED = {
    "connect_refused": ("bad", "the port is closed"),
    "connect_timeout": ("bad", "deadline exceeded while connecting"),
    "connection_reset": ("bad", "the peer reset the connection"),
    "deadline": ("bad", "deadline exceeded in another phase"),
    "dns_bad_name": ("bad", "invalid name"),
    "dns_failure": ("bad", "another lookup failure"),
    "dns_malformed": ("bad", "malformed answer of the resolver"),
    "dns_no_address": ("bad", "the name has no address"),
    "dns_nxdomain": ("bad", "the name does not exist"),
    "dns_refused": ("bad", "the resolver refused the query"),
    "dns_servfail": ("bad", "SERVFAIL: the zone's servers did not answer"),
    "dns_timeout": (
        "bad",
        "no answer in time, although the resolver answers other queries, or the resolver is set in the check",
    ),
    "host_unreachable": ("bad", "host unreachable"),
    "network_error": ("bad", "another network error"),
    "certificate_expiring": ("good", "a certificate expires within `alerting.certificate_notice`"),
    "slow": ("good", "slower than `slow_after`"),
    "tls_expired": ("bad", "the certificate expired"),
    "tls_handshake": ("bad", "the TLS handshake failed"),
    "tls_hostname": ("bad", "the certificate is for another name"),
    "tls_not_yet_valid": ("bad", "the certificate is not valid yet"),
    "tls_revoked": ("bad", "the certificate was revoked"),
    "tls_timeout": ("bad", "deadline exceeded during the TLS handshake"),
    "tls_untrusted": ("bad", "the certificate's authority is not trusted"),
    "address_denied": ("unknown", "the policy `outbound` denies the address"),
    "forbidden_locally": ("unknown", "the operating system forbids the connection or the socket"),
    "monitor_starved": ("unknown", "the daemon was stalled"),
    "vantage_blind": ("unknown", "the probe failed while all far references failed too, so the monitor is cut off"),
    "no_route": ("unknown", "the monitor has no route to the host"),
    "out_of_descriptors": ("unknown", "the monitor has no free file descriptor"),
    "out_of_memory": ("unknown", "the monitor is out of memory"),
    "out_of_ports": ("unknown", "the monitor has no free port"),
    "probe_defect": ("unknown", "a bug of ninewatch; see the log"),
    "resolver_unreachable": ("unknown", "the monitor's resolver does not answer, or answers SERVFAIL to every query"),
}


def documentation() -> str:
    """Return the content of docs/probes.md."""
    rows = "".join(f"| `{code}` | {outcome} | {meaning} |\n" for code, (outcome, meaning) in sorted(SHARED.items()))
    return _HEAD + rows + "".join(part for kind in KINDS.values() for part in _section(kind))


def _section(kind: Kind[Any]) -> Iterator[str]:
    yield f"\n## {kind.name}\n\n{_prose(getdoc(kind.check) or '')}\n"
    yield f"\n```yaml\n{textwrap.indent(kind.example, '  ').replace('  ', '- ', 1)}```\n"
    if kind.schemes:
        forms = ", ".join(f"`{scheme}://{'host/path' if kind.full_url else 'host'}`" for scheme in kind.schemes)
        yield f"\nAs a URL: {forms}.\n"
    if kind.reasons:
        yield "\n| reason | outcome | meaning |\n|---|---|---|\n"
        yield "".join(_row(*item) for item in sorted(kind.reasons.items()))


def _prose(text: str) -> str:
    return "\n\n".join(re.sub(r"\s+", " ", part) for part in text.split("\n\n"))


def _row(code: str, meaning: str) -> str:
    outcome, _, rest = meaning.partition(": ")
    if outcome not in ("good", "unknown"):
        outcome, rest = "bad", meaning
    return f"| `{code}` | {outcome} | {rest} |\n"
