"""The values of one run of a journey: its id, captured values and secrets."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from monitor.clock import secret_bytes
from monitor.config.placeholders import RUN_ID
from monitor.log import TemporarySecret

if TYPE_CHECKING:
    from collections.abc import Mapping

    from monitor.config.secret import Secret
    from monitor.config.totp import Totp
    from monitor.network.attempt import Attempt
    from monitor.probes.journey.one_time_codes import UsedCodes


def new_run_id() -> str:
    """Return a new run id. All writes of the run contain it."""
    return f"nw-{secret_bytes(8).hex()}"


@dataclass(slots=True)
class RunState:
    """The values of one run. Captured secrets are concealed in all output while this object exists."""

    run_id: str
    secrets: Mapping[str, Secret]
    totp: Mapping[str, Totp] = field(default_factory=dict)
    values: dict[str, str] = field(default_factory=dict)
    captured_secrets: dict[str, TemporarySecret] = field(default_factory=dict)
    trace: str = field(default_factory=lambda: secret_bytes(16).hex())

    def value(self, name: str) -> str:
        """Return the value of a known name."""
        if name == RUN_ID:
            return self.run_id
        if name in self.secrets:
            return self.secrets[name].reveal()
        return self.captured_secrets[name].value if name in self.captured_secrets else self.values[name]

    @property
    def known(self) -> set[str]:
        """The names that have a value."""
        return {RUN_ID, *self.secrets, *self.totp, *self.values, *self.captured_secrets}

    def capture(self, name: str, value: str, *, secret: bool) -> None:
        """Store a captured value, which replaces an earlier value of this name."""
        if secret:
            self.captured_secrets[name] = TemporarySecret(value)
        else:
            self.values[name] = value

    async def take_codes(self, names: set[str], codes: UsedCodes, attempt: Attempt) -> None:
        """Take a new code for each of the names that is a one-time code.

        Call this before every request, because a code must not be sent twice.

        Raises:
            ProbeFailure: there is no new code before the deadline.
        """
        for name in sorted(names & set(self.totp)):
            self.capture(name, await codes.take(self.totp[name], attempt), secret=True)

    def traceparent(self) -> str:
        """Return the `traceparent` header of a new request in the trace of this run (W3C Trace Context, 3.2)."""
        return f"00-{self.trace}-{secret_bytes(8).hex()}-01"
