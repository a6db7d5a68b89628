"""Reason codes for errors of MySQL, MariaDB and the driver."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from monitor.network.failure import ProbeFailure, quoted
from monitor.protocols.database import credentials_refused

if TYPE_CHECKING:
    from monitor.protocols.database import DatabaseCheck

# Error number of the server or the client library -> reason code.
_NUMBERS = {
    1040: "database_full",
    1049: "database_missing",
    1053: "database_starting",
    1203: "database_full",
    2006: "hung_up",
    2013: "hung_up",
}
_ACCESS_DENIED = {1044, 1045, 1130, 1142, 1698, 4151}
# Exceptions of the driver for data that does not follow the MySQL protocol: the driver does not validate it.
PARSE_ERRORS = (struct.error, EOFError, LookupError, ValueError, TypeError, AttributeError, AssertionError)


def failure_of(check: DatabaseCheck, error: Exception) -> ProbeFailure | None:
    """Return the failure for a driver error; None (good) if the server requests credentials and the check has none."""
    if isinstance(error, PARSE_ERRORS):
        return ProbeFailure("database_malformed", quoted(f"{type(error).__name__}: {error}", 160))
    number = error.args[0] if error.args and isinstance(error.args[0], int) else 0
    message = str(error.args[-1]) if error.args else type(error).__name__
    if number in _ACCESS_DENIED:
        return credentials_refused(check, message)
    reason = _NUMBERS.get(number, "database_error" if number else "database_malformed")
    return ProbeFailure(reason, f"{number} {quoted(message, 160)}")
