"""One-time codes (TOTP, RFC 6238) for the steps of a journey."""

from __future__ import annotations

import base64
import hmac
from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal, Self

from cryptography.hazmat.primitives.hashes import SHA1, SHA256, SHA512
from cryptography.hazmat.primitives.twofactor.totp import TOTP
from pydantic import AfterValidator, BeforeValidator, model_validator

from monitor.config.base import Model
from monitor.config.secret import Secret
from monitor.config.values import Duration, Within, problem_at
from sla.interval import MINUTE, SECOND

_HASHES: Final[Mapping[str, type[SHA1 | SHA256 | SHA512]]] = {"SHA1": SHA1, "SHA256": SHA256, "SHA512": SHA512}
_SECRET_SOURCES: Final = ("env", "file")

Period = Annotated[Duration, AfterValidator(Within(SECOND, 10 * MINUTE, "between 1s and 10m"))]


class Totp(Model):
    """A one-time code for the second factor of a sign-in. The defaults are those of authenticator apps."""

    secret: Secret
    """The setup key in base32, as a reference to a secret."""

    digits: Literal[6, 7, 8] = 6
    """Number of digits of a code."""

    period: Period = 30 * SECOND
    """Length of a time step, in which the code is the same."""

    algorithm: Literal["SHA1", "SHA256", "SHA512"] = "SHA1"
    """Hash of the HMAC."""

    @model_validator(mode="after")
    def _is_usable(self) -> Self:
        if self.period % SECOND:
            raise problem_at("period", "is not a number of seconds; use 30s")
        try:
            _decode(self.secret.reveal())
        except ValueError:
            detail = "is not base32 (A to Z, 2 to 7); store the setup key that is shown next to the QR code"
            raise problem_at("secret", f"{self.secret.source}: {detail}") from None
        return self

    def step_at(self, now: int) -> int:
        """Return the number of the time step at an instant (microseconds)."""
        return now // self.period

    def code(self, step: int) -> str:
        """Return the code of a time step."""
        key, seconds = _decode(self.secret.reveal()), self.period // SECOND
        totp = TOTP(key, self.digits, _HASHES[self.algorithm](), seconds, enforce_key_length=False)  # often 80 bits
        return totp.generate(step * seconds).decode()

    @property
    def fingerprint(self) -> str:
        """Identify the setup key without revealing it."""
        return hmac.digest(_decode(self.secret.reveal()), b"ninewatch one-time codes", "sha256").hex()[:32]


def _decode(text: str) -> bytes:
    """Decode a setup key. Spaces, hyphens, lower case and missing padding are accepted.

    Raises:
        ValueError: the key is empty or not base32.
    """
    key = text.replace(" ", "").replace("-", "").rstrip("=").upper()
    decoded = base64.b32decode(key + "=" * (-len(key) % 8))
    if not decoded:
        raise ValueError("empty")
    return decoded


def _totp(value: Any) -> Any:
    is_reference = isinstance(value, Mapping) and len(value) == 1 and next(iter(value)) in _SECRET_SOURCES
    return {"secret": value} if is_reference else value


TotpField = Annotated[Totp, BeforeValidator(_totp, json_schema_input_type=Secret | Totp)]
"""A `Totp`, or only the reference to its secret."""
