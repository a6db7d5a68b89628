"""docs/probes.md, made from the registry: for each kind what it takes for good, an example, its URLs and its words."""

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

Made by `make generate` from the kinds' own files (`monitor/probes/`); a test runs every example against a server of its
own. The keys of each kind are in [CONFIGURATION.md](../CONFIGURATION.md). `ninewatch probe URL` and
`ninewatch probe -c FILE product/check` make one attempt and print outcome, reason and phases.

An attempt is **good**, **bad** or **unknown**. Unknown means that we could not tell: it costs the target nothing. The
phases are `resolve`, `connect`, `tls`, `first_byte` and `transfer`; a kind that talks in its own way counts the talk
under `first_byte`. One deadline, `timeout`, spans them all; an answer that took longer than `slow_after` is good, and
marked and counted as `slow`.

Where probes may connect to is a policy of the whole file, `outbound`. It is asked about the address that is connected
to, so that no name, redirect or spelling gets around it; link-local addresses and clouds' metadata services are refused
always. The program of an `exec` check and the browser of a `browser` check connect by themselves, past the policy,
which is one more reason why they need `--allow-exec`.

## Words that any kind may use

| reason | outcome | meaning |
|---|---|---|
"""

# Reasons that the runner, the wire and the resolver give, whatever the kind -> (outcome, meaning).
SHARED = {
    "connect_refused": ("bad", "nobody listens there"),
    "connect_timeout": ("bad", "the deadline fell while connecting"),
    "connection_reset": ("bad", "the connection was cut"),
    "deadline": ("bad", "the deadline fell in another phase"),
    "dns_bad_name": ("bad", "the name cannot be one"),
    "dns_failure": ("bad", "the look-up failed in another way"),
    "dns_malformed": ("bad", "the resolver's answer cannot be read"),
    "dns_no_address": ("bad", "the name has no address"),
    "dns_nxdomain": ("bad", "the name does not exist"),
    "dns_refused": ("bad", "the resolver refuses to answer"),
    "dns_servfail": ("bad", "the resolver got no answer from the zone's servers"),
    "dns_timeout": ("bad", "no answer in time, from a resolver that the check names, or ours, which answers others"),
    "host_unreachable": ("bad", "the network says that the host is not there"),
    "network_error": ("bad", "another error of the network"),
    "slow": ("good", "it took longer than `slow_after`"),
    "tls_expired": ("bad", "the certificate has ended"),
    "tls_handshake": ("bad", "the two ends find no way to speak TLS"),
    "tls_hostname": ("bad", "the certificate is for another name"),
    "tls_not_yet_valid": ("bad", "the certificate has not begun"),
    "tls_revoked": ("bad", "the certificate was revoked"),
    "tls_timeout": ("bad", "the deadline fell during the TLS handshake"),
    "tls_untrusted": ("bad", "no authority that we trust vouches for the certificate"),
    "address_denied": ("unknown", "the policy `outbound` forbids the address"),
    "forbidden_locally": ("unknown", "our own machine forbids it"),
    "monitor_starved": ("unknown", "the daemon did not come round in time"),
    "no_route": ("unknown", "our own machine has no way there"),
    "out_of_descriptors": ("unknown", "our own process has too many files open"),
    "out_of_memory": ("unknown", "our own machine is out of memory"),
    "out_of_ports": ("unknown", "our own machine has no free port"),
    "probe_defect": ("unknown", "an error in ninewatch; the log has it"),
    "resolver_unreachable": ("unknown", "our own resolver answers nothing at all, or SERVFAIL to everything"),
}


def handbook() -> str:
    """Return the text of docs/probes.md."""
    rows = "".join(f"| `{word}` | {outcome} | {meaning} |\n" for word, (outcome, meaning) in sorted(SHARED.items()))
    return _HEAD + rows + "".join(part for kind in KINDS.values() for part in _chapter(kind))


def _chapter(kind: Kind[Any]) -> Iterator[str]:
    yield f"\n## {kind.name}\n\n{_prose(getdoc(kind.check) or '')}\n"
    yield f"\n```yaml\n{textwrap.indent(kind.example, '  ').replace('  ', '- ', 1)}```\n"
    if kind.schemes:
        forms = ", ".join(f"`{scheme}://{'host/path' if kind.whole_url else 'host'}`" for scheme in kind.schemes)
        yield f"\nAs a URL: {forms}.\n"
    if kind.reasons:
        yield "\n| reason | outcome | meaning |\n|---|---|---|\n"
        yield "".join(_row(*each) for each in sorted(kind.reasons.items()))


def _prose(text: str) -> str:
    return "\n\n".join(re.sub(r"\s+", " ", part) for part in text.split("\n\n"))


def _row(word: str, meaning: str) -> str:
    outcome = "unknown" if meaning.startswith("unknown: ") else "bad"
    return f"| `{word}` | {outcome} | {meaning.removeprefix('unknown: ')} |\n"
