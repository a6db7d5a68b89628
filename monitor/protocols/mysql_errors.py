"""What the refusals of MySQL and MariaDB mean, and what their driver makes of what is neither."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from monitor.network.failure import ProbeFailure, quoted
from monitor.protocols.database import refused

if TYPE_CHECKING:
    from monitor.protocols.database import DatabaseCheck

# The server's and the client's error numbers -> reason.
_NUMBERS = {
    1040: "database_full",
    1049: "database_missing",
    1053: "database_starting",
    1203: "database_full",
    2006: "hung_up",
    2013: "hung_up",
}
_NOT_TAKEN = {1044, 1045, 1130, 1142, 1698, 4151}  # access denied, in six ways
# What the driver, which trusts its server, stumbles over in bytes that are none of a MySQL server's.
UNREADABLE = (struct.error, EOFError, LookupError, ValueError, TypeError, AttributeError, AssertionError)


def failure_of(check: DatabaseCheck, error: Exception) -> ProbeFailure | None:
    """Return what an error of the driver means; None, all is well, when we were only asked who we are."""
    if isinstance(error, UNREADABLE):
        return ProbeFailure("database_malformed", quoted(f"{type(error).__name__}: {error}", 160))
    number = error.args[0] if error.args and isinstance(error.args[0], int) else 0
    said = str(error.args[-1]) if error.args else type(error).__name__
    if number in _NOT_TAKEN:
        return refused(check, said)
    reason = _NUMBERS.get(number, "database_error" if number else "database_malformed")
    return ProbeFailure(reason, f"{number} {quoted(said, 160)}")
