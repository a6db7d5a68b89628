"""How an attempt fails: whose fault it was, in one stable word, and what was said, in one bounded line."""

from __future__ import annotations

import errno

from monitor.log import concealed_head
from sla.observation import Outcome

OUT_OF_DESCRIPTORS = "out_of_descriptors"
DETAIL_LIMIT = 300  # characters of a detail; a target must not fill our log, page or store


class ProbeFailure(Exception):  # noqa: N818 - it is the target's failure, told apart from our own errors
    """The attempt ended without success. `outcome` says whose fault it is: bad is the target's, unknown is ours."""

    def __init__(
        self, reason: str, detail: str = "", *, outcome: Outcome = Outcome.BAD, status: int | None = None
    ) -> None:
        super().__init__(reason, detail)
        self.reason, self.detail, self.outcome, self.status = reason, detail, outcome, status


# errno -> reason of a failure that the target or the network before it caused.
_TARGETS_FAULT = {
    errno.ECONNREFUSED: "connect_refused",
    errno.ECONNRESET: "connection_reset",
    errno.ECONNABORTED: "connection_reset",
    errno.EPIPE: "connection_reset",
    errno.EHOSTUNREACH: "host_unreachable",
    errno.EHOSTDOWN: "host_unreachable",
    errno.ETIMEDOUT: "connect_timeout",
    errno.ENOTCONN: "connection_reset",
}
# errno -> reason of a failure of our own machine or its uplink: no probe can be made, so nothing is known.
_OUR_FAULT = {
    errno.EMFILE: OUT_OF_DESCRIPTORS,
    errno.ENFILE: OUT_OF_DESCRIPTORS,
    errno.ENOBUFS: "out_of_memory",
    errno.ENOMEM: "out_of_memory",
    errno.EADDRNOTAVAIL: "out_of_ports",
    errno.ENETUNREACH: "no_route",
    errno.ENETDOWN: "no_route",
    errno.EACCES: "forbidden_locally",
    errno.EPERM: "forbidden_locally",
    errno.EAFNOSUPPORT: "no_route",
    errno.EINVAL: "no_route",  # what a `blackhole` route answers
}


def failure_of(error: OSError) -> ProbeFailure:
    """Return what an error of the operating system says of the attempt: whose fault it is, and a stable reason."""
    code = error.errno or 0
    text = error.strerror or str(error)
    if code in _OUR_FAULT:
        return ProbeFailure(_OUR_FAULT[code], text, outcome=Outcome.UNKNOWN)
    return ProbeFailure(_TARGETS_FAULT.get(code, "network_error"), text)


def quoted(text: str, limit: int = 80) -> str:
    """Return what a target said as one bounded line for a detail: no control characters, and none of our secrets.

    Concealed before it is cut, because the half of a secret is not recognised any more.
    """
    head = concealed_head(text, limit + 1)
    shown = "".join(c if c.isprintable() else "·" for c in head[:limit])
    return f'"{shown}…"' if len(head) > limit else f'"{shown}"'
