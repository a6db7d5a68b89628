"""Logging: one line an event, JSON for machines and readable for people, with every secret taken out of it."""

from __future__ import annotations

import base64
import json
import logging
import re
import sys
from collections import Counter
from typing import TYPE_CHECKING, Any, TextIO
from urllib.parse import quote, quote_plus

import structlog

if TYPE_CHECKING:
    from collections.abc import Iterator

    from structlog.typing import EventDict, Processor, WrappedLogger

CONCEALED = "[secret]"
_SHORTEST_SECRET = 4  # a shorter one occurs by chance in every second word, and hiding it would hide the log
_LONGEST_TEXT = 2_000
_UNSEEN = re.compile(r"[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]")


class Concealer:
    """Takes known secrets out of text, also where they stand in base64, in a URL or in JSON."""

    def __init__(self) -> None:
        self._held: Counter[str] = Counter()
        self._forms: set[str] = set()
        self._pattern: re.Pattern[str] | None = None

    def add(self, secret: str) -> None:
        """Conceal the secret, and each line of a long one. Rotated ones stay so: an old line may be on its way."""
        self._held[secret] += 1
        if secret in self._forms:
            return
        self._forms.update(_parts(secret))
        self._compile()

    def release(self, secret: str) -> None:
        """Take back one `add`; what was added as often is concealed no more."""
        if secret not in self._held:
            return
        self._held[secret] -= 1
        if self._held[secret] > 0:
            return
        del self._held[secret]
        self._forms = {form for each in self._held for form in _parts(each)}
        self._compile()

    def _compile(self) -> None:
        longest_first = sorted(self._forms, key=lambda form: (-len(form), form))
        self._pattern = re.compile("|".join(map(re.escape, longest_first))) if longest_first else None

    def clean(self, text: str) -> str:
        """Return the text with `[secret]` in place of each."""
        return self._pattern.sub(CONCEALED, text) if self._pattern else text


def _parts(secret: str) -> Iterator[str]:
    for part in {secret, *secret.splitlines()}:
        if len(part) >= _SHORTEST_SECRET:
            yield from _forms(part)


def _forms(secret: str) -> Iterator[str]:
    yield secret
    yield quote(secret, safe="")
    yield quote_plus(secret)
    yield json.dumps(secret)[1:-1]
    yield repr(secret)[1:-1]
    yield base64.b64encode(secret.encode()).decode().rstrip("=")
    yield base64.urlsafe_b64encode(secret.encode()).decode().rstrip("=")


_concealer = Concealer()  # one for the process: whoever reads a secret and whoever writes a line must mean the same


def conceal(secret: str) -> None:
    """Keep the secret out of every log line from now on. Also call it for what is derived, such as `user:password`."""
    _concealer.add(secret)


def release(secret: str) -> None:
    """Take back one `conceal` of a secret that has ended and opens nothing more, such as a token of an hour."""
    _concealer.release(secret)


def concealed(text: str) -> str:
    """Return the text without the known secrets, for sinks other than the log."""
    return _concealer.clean(text)


def configure(stream: TextIO | None = None, *, level: int = logging.INFO, as_json: bool | None = None) -> None:
    """Send structlog's and the standard library's records to the stream (stderr), one way and cleaned.

    JSON where the stream is no terminal, unless `as_json` says otherwise. May be called again; the last call counts.
    """
    stream = stream or sys.stderr
    as_json = not stream.isatty() if as_json is None else as_json
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
        _bounded,
    ]
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *_rendering(as_json), _redacted],
        )
    )
    logging.basicConfig(handlers=[handler], level=level, force=True)
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,  # a second call to configure must reach loggers that already spoke
    )


def _rendering(as_json: bool) -> list[Processor]:
    """Tracebacks are rendered without local variables: those hold what a redaction cannot know."""
    if as_json:
        return [structlog.processors.format_exc_info, structlog.processors.JSONRenderer(default=str)]
    return [structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback)]


def _bounded(logger: WrappedLogger, name: str, event: EventDict) -> EventDict:
    """Keep a text that a target wrote from forging a line or filling the disk, and cut no secret in half."""
    return {key: _one_line(value) if isinstance(value, str) else value for key, value in event.items()}


def _one_line(text: str) -> str:
    text = _concealer.clean(text)
    if len(text) > _LONGEST_TEXT:
        text = f"{text[:_LONGEST_TEXT]}... ({len(text)} characters)"
    return _UNSEEN.sub(lambda match: f"\\u{ord(match[0]):04x}", text)


def _redacted(logger: WrappedLogger, name: str, line: Any) -> Any:
    """Clean the finished line: whatever became part of it, a key, a value or a traceback, passes here."""
    return _concealer.clean(line) if isinstance(line, str) else line
