"""A conversation as written in the configuration: what to send, and what must come back. For `tcp` and `udp`."""

from __future__ import annotations

from functools import lru_cache
from typing import Annotated, Any, Self

from pydantic import AfterValidator, PlainSerializer, PlainValidator, ValidationInfo, WithJsonSchema, model_validator

from monitor.config.expect import Regex, RegexField
from monitor.config.model import Flag, Model, Secret, problem_at
from monitor.config.secret import SECRET_SCHEMA, plain, read_secret
from monitor.network.failure import quoted

_LONGEST_HEARD = 65_536  # bytes that a dialogue keeps of what is heard, so that no more can be expected


def _bytes(value: Any) -> bytes:
    if isinstance(value, bytes):
        return value
    try:
        found = bytes.fromhex(value)
    except (ValueError, TypeError):
        raise ValueError("not bytes in hexadecimal; write e.g. 00 ff 1b, in quotes") from None
    if not found:
        raise ValueError("must be one byte or more")
    return found


def _heard(value: bytes) -> bytes:
    if len(value) > _LONGEST_HEARD:
        raise ValueError(f"is longer than {_LONGEST_HEARD} bytes, of which no more are kept")
    return value


def _told(value: Any, info: ValidationInfo) -> str | Secret:
    if isinstance(value, str) and value:
        return str(value)
    if isinstance(value, dict | Secret):
        return read_secret(value, info)
    raise ValueError('not text; put it in quotes ("PING\\r\\n"), or name where a secret is kept')


Said = Annotated[str | Secret, PlainValidator(_told), WithJsonSchema({"anyOf": [{"type": "string"}, SECRET_SCHEMA]})]
HexBytes = Annotated[
    bytes,
    PlainValidator(_bytes),
    PlainSerializer(lambda value: value.hex(" "), when_used="json"),
    WithJsonSchema({"type": "string", "examples": ["00 ff"]}),
]


class Exchange(Model):
    """What is sent and what must come back."""

    send: Said | None = None
    """Text to send, or a secret. In double quotes YAML knows `\\r\\n`; nothing is added."""

    send_hex: HexBytes | None = None
    """Bytes to send, in hexadecimal."""

    expect: RegexField | None = None
    """A regular expression (RE2) that must occur in the answer; `^` and `$` are at every line."""

    expect_hex: Annotated[HexBytes, AfterValidator(_heard)] | None = None
    """Bytes that must occur in the answer, in hexadecimal."""

    @model_validator(mode="after")
    def _says_it_once(self) -> Self:
        if self.send is not None and self.send_hex is not None:
            raise problem_at("send_hex", "send says the same in another way; keep one")
        if self.expect is not None and self.expect_hex is not None:
            raise problem_at("expect_hex", "expect says the same in another way; keep one")
        return self

    @property
    def sent(self) -> bytes:
        """The bytes to send, none when this is only listening."""
        if self.send is not None:
            return plain(self.send).encode()
        return self.send_hex or b""

    @property
    def wanted(self) -> str:
        """What must come back, for people; empty when nothing need."""
        if self.expect is not None:
            return f"what matches {quoted(self.expect.text)}"
        return f"the bytes {self.expect_hex.hex(' ')[:80]}" if self.expect_hex is not None else ""

    def end(self, heard: bytes | bytearray) -> int | None:
        """Return where in what came back the expected ends, None if it is not there (yet)."""
        if self.expect is not None:
            return _by_lines(self.expect.text).end(bytes(heard))
        if self.expect_hex is not None:
            at = heard.find(self.expect_hex)
            return None if at < 0 else at + len(self.expect_hex)
        return 0


@lru_cache(maxsize=1024)
def _by_lines(expression: str) -> Regex:
    """Return the expression with ^ and $ at every line, because answers come in lines."""
    return Regex(f"(?m:{expression})")


class Step(Exchange):
    """One step of a script: send first, if anything is to be sent; then wait for what is expected, if anything is."""

    starttls: Flag = False
    """`true`: encrypt from here on, after what this step expects has come."""

    @model_validator(mode="after")
    def _does_something(self) -> Step:
        if not (self.sent or self.wanted or self.starttls):
            raise ValueError("does nothing; write send, expect or starttls: true")
        return self
