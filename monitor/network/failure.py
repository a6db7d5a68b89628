"""The failure of an attempt: outcome, stable reason code, and a one-line detail of limited length."""

from __future__ import annotations

import contextlib
import errno
import ssl

from monitor.log import conceal_head, conceal_secrets
from sla.observation import Outcome

OUT_OF_DESCRIPTORS = "out_of_descriptors"
TIMEOUT_REASONS = {"resolve": "dns_timeout", "connect": "connect_timeout", "tls": "tls_timeout"}
"""Phase at the deadline -> reason code. It is `deadline` in other phases."""

DETAIL_LIMIT = 300  # characters, so that a target cannot fill the log, a page or the record


class ProbeFailure(Exception):  # noqa: N818 - a failure of the target, as distinct from errors of this program
    """An unsuccessful attempt. `outcome` is bad if the target failed, unknown if the monitor could not decide."""

    def __init__(
        self, reason: str, detail: str = "", *, outcome: Outcome = Outcome.BAD, status: int | None = None
    ) -> None:
        super().__init__(reason, detail)
        self.reason, self.detail, self.outcome, self.status = reason, detail, outcome, status


# errno -> reason of a failure of the target or its network.
_TARGET_ERRORS = {
    errno.ECONNREFUSED: "connect_refused",
    errno.ECONNRESET: "connection_reset",
    errno.ECONNABORTED: "connection_reset",
    errno.EPIPE: "connection_reset",
    errno.EHOSTUNREACH: "host_unreachable",
    errno.EHOSTDOWN: "host_unreachable",
    errno.ETIMEDOUT: "connect_timeout",
    errno.ENOTCONN: "connection_reset",
}
# errno -> reason of a failure of this machine or its uplink: the outcome is unknown.
_LOCAL_ERRORS = {
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
    errno.EINVAL: "no_route",  # returned by a `blackhole` route
}

# OpenSSL's X509_V_ERR_* -> reason. Section "verification errors" of its x509_vfy.h.
_TLS_ERRORS = {
    9: "tls_not_yet_valid",
    10: "tls_expired",
    18: "tls_untrusted",  # self-signed leaf
    19: "tls_untrusted",  # self-signed certificate in the chain
    20: "tls_untrusted",  # issuer not found
    21: "tls_untrusted",  # leaf signature cannot be verified
    23: "tls_revoked",
    62: "tls_hostname",
    64: "tls_hostname",  # the name is an address that the certificate does not list
}


def failure_of(error: OSError) -> ProbeFailure:
    """Return the failure, with outcome and reason, for an operating system error."""
    code = error.errno or 0
    text = error.strerror or str(error)
    if code in _LOCAL_ERRORS:
        return ProbeFailure(_LOCAL_ERRORS[code], text, outcome=Outcome.UNKNOWN)
    return ProbeFailure(_TARGET_ERRORS.get(code, "network_error"), text)


def tls_failure(error: ssl.SSLError) -> ProbeFailure:
    """Return the failure for a TLS error."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return ProbeFailure(_TLS_ERRORS.get(error.verify_code, "tls_untrusted"), error.verify_message)
    return ProbeFailure("tls_handshake", (error.reason or str(error)).replace("_", " ").lower())


def error_text(error: ProbeFailure | OSError) -> str:
    """Return the failure of a request as one line of limited length, with secrets concealed."""
    if isinstance(error, ProbeFailure):
        return single_line(f"{error.reason}: {error.detail}" if error.detail else error.reason)
    unnamed = "no response before the deadline" if isinstance(error, TimeoutError) else type(error).__name__
    return single_line(error.strerror or str(error) or unnamed)


def single_line(text: str) -> str:
    """Return the text as one line of limited length, with secrets concealed."""
    with contextlib.suppress(ValueError):
        text = conceal_secrets(text)
    return " ".join(text.split())[:DETAIL_LIMIT] or "failed"


def quoted(text: str, limit: int = 80) -> str:
    """Return text from a target quoted for a detail: one line, limited, no control characters, secrets concealed.

    Secrets are concealed before the text is truncated, because half of a secret would not be recognised.
    """
    head = conceal_head(text, limit + 1)
    printable = "".join(c if c.isprintable() else "·" for c in head[:limit])
    return f'"{printable}…"' if len(head) > limit else f'"{printable}"'
