"""Reason codes for errors of PostgreSQL and libpq."""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING

from monitor.network.failure import ProbeFailure, quoted
from monitor.network.failure import failure_of as network_failure
from monitor.protocols.database import credentials_refused

if TYPE_CHECKING:
    import psycopg

    from monitor.protocols.database import DatabaseCheck

# SQLSTATE or its class -> reason code (PostgreSQL manual, appendix A).
_STATES = {"3D": "database_missing", "53": "database_full", "57P01": "database_starting", "57P03": "database_starting"}
_ACCESS_DENIED = ("28", "42501")  # invalid authorization, insufficient privilege
# The server's message -> SQLSTATE, because libpq does not report the SQLSTATE of a failed connection.
_MESSAGES = {
    "starting up": "57P03",
    "shutting down": "57P03",
    "recovery": "57P03",
    "too many clients": "53300",
    "too many connections": "53300",
    "connection slots": "53300",
    "authentication failed": "28P01",
    "no password supplied": "28P01",
    "no pg_hba.conf entry": "28000",
    "requires a valid client certificate": "28000",
    "permission denied for database": "28000",
    'role "': "28000",
    'database "': "3D000",
}
# Message of libpq about the connection -> reason code.
_NETWORK = {
    "does not match host name": "tls_hostname",
    "certificate verify failed": "tls_untrusted",
    "server certificate": "tls_untrusted",
    "does not support SSL": "tls_handshake",
    "SSL error": "tls_handshake",
    "received invalid": "database_malformed",
    "expected authentication request": "database_malformed",
    "closed the connection": "hung_up",
}
# TLS alerts about the client certificate, in libpq's message.
_CERTIFICATE_ALERTS = (
    "alert unknown ca",
    "alert certificate",
    "alert bad certificate",
    "alert unsupported certificate",
)
_SYSTEM_ERRORS = {
    os.strerror(code): code
    for code in (
        *(errno.ECONNREFUSED, errno.ECONNRESET, errno.EHOSTUNREACH, errno.ETIMEDOUT),
        *(errno.ENETUNREACH, errno.EADDRNOTAVAIL, errno.EACCES, errno.EPERM),
    )
}


def system_error(error: psycopg.Error) -> OSError | None:
    """Return the operating system error that libpq reports, None for other errors."""
    message = str(error)
    if error.sqlstate or "FATAL:" in message:
        return None
    return next((OSError(code, text) for text, code in _SYSTEM_ERRORS.items() if text in message), None)


def failure_of(check: DatabaseCheck, error: psycopg.Error) -> ProbeFailure | None:
    """Return the failure for a driver error; None (good) if the server requests credentials and the check has none."""
    message = " ".join(str(error).split()).rpartition("failed: ")[2]
    state = error.sqlstate or next((code for text, code in _MESSAGES.items() if text in message), "")
    if state.startswith(_ACCESS_DENIED):
        return credentials_refused(check, message)
    if (cause := system_error(error)) is not None:
        return network_failure(cause)
    if not error.sqlstate and any(text in message for text in _CERTIFICATE_ALERTS):
        return credentials_refused(check, message)
    if not error.sqlstate and (reason := next((code for text, code in _NETWORK.items() if text in message), "")):
        return ProbeFailure(reason, quoted(message, 160))
    reason = _STATES.get(state) or _STATES.get(state[:2]) or "database_error"
    return ProbeFailure(reason, f"{state} {quoted(message, 160)}".strip())
