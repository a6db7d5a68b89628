"""Send/expect steps of the kinds `tcp` and `udp`."""

from __future__ import annotations

from functools import lru_cache
from typing import Annotated, Any, Self

from pydantic import AfterValidator, PlainSerializer, PlainValidator, ValidationInfo, WithJsonSchema, model_validator

from monitor.config.expect import Regex, RegexField
from monitor.config.model import Flag, Model, Secret, problem_at
from monitor.config.secret import SECRET_SCHEMA, plain, read_secret
from monitor.network.failure import quoted

_MAX_EXPECTED = 65_536  # bytes, the size of a connection's buffer


def _bytes(value: Any) -> bytes:
    if isinstance(value, bytes):
        return value
    try:
        data = bytes.fromhex(value)
    except (ValueError, TypeError):
        raise ValueError("not hexadecimal bytes; use e.g. 00 ff 1b, in quotes") from None
    if not data:
        raise ValueError("must be 1 byte or more")
    return data


def _check_length(value: bytes) -> bytes:
    if len(value) > _MAX_EXPECTED:
        raise ValueError(f"is longer than {_MAX_EXPECTED} bytes, the size of the receive buffer")
    return value


def _text_or_secret(value: Any, info: ValidationInfo) -> str | Secret:
    if isinstance(value, str) and value:
        return str(value)
    if isinstance(value, dict | Secret):
        return read_secret(value, info)
    raise ValueError('not text; put it in quotes ("PING\\r\\n"), or specify the source of a secret')


TextOrSecret = Annotated[
    str | Secret, PlainValidator(_text_or_secret), WithJsonSchema({"anyOf": [{"type": "string"}, SECRET_SCHEMA]})
]
HexBytes = Annotated[
    bytes,
    PlainValidator(_bytes),
    PlainSerializer(lambda value: value.hex(" "), when_used="json"),
    WithJsonSchema({"type": "string", "examples": ["00 ff"]}),
]


class Exchange(Model):
    """Data to send and the expected response."""

    send: TextOrSecret | None = None
    """Text to send, or a secret. `\\r\\n` works in double quotes; no line break is appended."""

    send_hex: HexBytes | None = None
    """Bytes to send, in hexadecimal."""

    expect: RegexField | None = None
    """A regular expression (RE2) that must match in the response; `^` and `$` match at every line."""

    expect_hex: Annotated[HexBytes, AfterValidator(_check_length)] | None = None
    """Bytes that the response must contain, in hexadecimal."""

    @model_validator(mode="after")
    def _has_no_conflict(self) -> Self:
        if self.send is not None and self.send_hex is not None:
            raise problem_at("send_hex", "conflicts with send; keep one")
        if self.expect is not None and self.expect_hex is not None:
            raise problem_at("expect_hex", "conflicts with expect; keep one")
        return self

    @property
    def data_to_send(self) -> bytes:
        """The bytes to send, empty if none are configured."""
        if self.send is not None:
            return plain(self.send).encode()
        return self.send_hex or b""

    @property
    def expectation(self) -> str:
        """A description of the expected response, empty if none is expected."""
        if self.expect is not None:
            return f"a match of {quoted(self.expect.text)}"
        return f"the bytes {self.expect_hex.hex(' ')[:80]}" if self.expect_hex is not None else ""

    def expected_end(self, received: bytes | bytearray) -> int | None:
        """Return the end of the expected text in the received bytes, None if they do not contain it."""
        if self.expect is not None:
            return _multiline(self.expect.text).end(bytes(received))
        if self.expect_hex is not None:
            start = received.find(self.expect_hex)
            return None if start < 0 else start + len(self.expect_hex)
        return 0


@lru_cache(maxsize=1024)
def _multiline(expression: str) -> Regex:
    """Return the expression with `^` and `$` matching at every line."""
    return Regex(f"(?m:{expression})")


class Step(Exchange):
    """One step of a script: send data, then wait for the expected response. Both are optional."""

    starttls: Flag = False
    """`true`: start TLS after the expected response of this step."""

    @model_validator(mode="after")
    def _is_not_empty(self) -> Step:
        if not (self.data_to_send or self.expectation or self.starttls):
            raise ValueError("empty step; add send, expect or starttls: true")
        return self
