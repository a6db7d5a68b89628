"""Logging: one line per event, as JSON, logfmt or text, with all secrets concealed."""

from __future__ import annotations

import base64
import json
import logging
import re
import sys
from bisect import bisect, bisect_left, insort
from collections import Counter, deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from os.path import commonprefix
from threading import Lock
from typing import TYPE_CHECKING, Any, Final, TextIO
from urllib.parse import quote, quote_plus
from weakref import finalize

import structlog

if TYPE_CHECKING:
    from collections.abc import Iterator

    from structlog.typing import EventDict, Processor, WrappedLogger

CONCEALED = "[secret]"
_MIN_SECRET_LENGTH = 4  # shorter secrets occur in ordinary words by chance; concealing them would make logs unreadable
_MAX_TEXT_LENGTH = 2_000
_LEVELS: Final = {name: getattr(logging, name.upper()) for name in ("debug", "info", "warning", "error", "critical")}
_SUBSYSTEM = re.compile(r"[A-Za-z_][\w.]*")
_INVISIBLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]")


class Concealer:
    """Conceals known secrets in text, also in base64, in a URL or in JSON.

    Thread-safe. With 5,000 secrets, adding, releasing or finding one takes less than a millisecond.
    """

    def __init__(self) -> None:
        self._secrets: Counter[str] = Counter()
        self._forms: Counter[str] = Counter()
        self._by_prefix: dict[tuple[str, ...], list[str]] = {}  # prefix -> sorted forms with this prefix
        self._longest = 0
        self._released: deque[str] = deque()  # processed later, because a finalizer may run during `_count`
        self._lock = Lock()

    def add(self, secret: str) -> None:
        """Conceal the secret, and each line of a multi-line secret.

        Rotated secrets stay concealed, because they may still be logged.
        """
        with self._lock:
            self._secrets[secret] += 1
            if self._secrets[secret] == 1:
                self._count(secret, 1)

    def release(self, secret: str) -> None:
        """Undo one `add`. A secret is concealed until `release` was called as often as `add`."""
        self._released.append(secret)

    def clean(self, text: str) -> str:
        """Return the text with each secret replaced by `[secret]`, the longest one at each position."""
        if self._released:
            self._remove_released()
        if self._by_prefix.keys().isdisjoint(_prefixes(text)):  # fast path
            return text
        parts, end = list[str](), 0
        for at, prefix in enumerate(_prefixes(text)):
            if at >= end and prefix in self._by_prefix and (length := self._length(text, at, prefix)):
                parts += text[end:at], CONCEALED
                end = at + length
        return "".join((*parts, text[end:]))

    def head(self, text: str, length: int) -> str:
        """Return the first `length` characters of `clean(text)`, without processing the rest of the text."""
        if self._released:
            self._remove_released()
        parts, at = list[str](), 0
        while at < len(text) and len(parts) < length:
            prefix = tuple(text[at : at + _MIN_SECRET_LENGTH])
            length_here = self._length(text, at, prefix) if prefix in self._by_prefix else 0
            parts.append(CONCEALED if length_here else text[at])
            at += length_here or 1
        return "".join(parts)[:length]

    def _length(self, text: str, at: int, prefix: tuple[str, ...]) -> int:
        """Return the length of the longest secret at this position, or 0."""
        rest = text[at : at + self._longest]
        with self._lock:
            forms = self._by_prefix.get(prefix, [])
            while place := bisect(forms, rest):
                candidate = forms[place - 1]
                if rest.startswith(candidate):
                    return len(candidate)
                # A shorter secret at this position sorts before the candidate and is at most their common prefix.
                rest = commonprefix((rest, candidate))  # noqa: RUF071 - the common prefix of characters is intended
        return 0

    def _remove_released(self) -> None:
        with self._lock:
            while self._released:
                secret = self._released.popleft()
                if secret in self._secrets:
                    self._secrets[secret] -= 1
                    if not self._secrets[secret]:
                        del self._secrets[secret]
                        self._count(secret, -1)

    def _count(self, secret: str, by: int) -> None:
        for form in set(_split_secret(secret)):
            prefix = tuple(form[:_MIN_SECRET_LENGTH])
            forms = self._by_prefix.setdefault(prefix, [])
            if not self._forms[form]:
                insort(forms, form)
                self._longest = max(self._longest, len(form))
            self._forms[form] += by
            if not self._forms[form]:
                del self._forms[form], forms[bisect_left(forms, form)]
            if not forms:
                del self._by_prefix[prefix]


def _prefixes(text: str) -> Iterator[tuple[str, ...]]:
    return zip(*(text[start:] for start in range(_MIN_SECRET_LENGTH)), strict=False)


def _split_secret(secret: str) -> Iterator[str]:
    for part in {secret, *secret.splitlines()}:
        if len(part) >= _MIN_SECRET_LENGTH:
            yield from _forms(part)


def _forms(secret: str) -> Iterator[str]:
    yield secret
    yield quote(secret, safe="")
    yield quote_plus(secret)
    yield json.dumps(secret)[1:-1]
    yield repr(secret)[1:-1]
    yield base64.b64encode(secret.encode()).decode().rstrip("=")
    yield base64.urlsafe_b64encode(secret.encode()).decode().rstrip("=")


_concealer = Concealer()  # one per process, for readers of secrets and writers of lines


def conceal(secret: str) -> None:
    """Conceal the secret in all later log lines.

    Call this for derived texts too, such as `user:password`.
    """
    _concealer.add(secret)


class TemporarySecret:
    """A secret that is concealed during the lifetime of this object."""

    __slots__ = ("__weakref__", "value")

    def __init__(self, value: str) -> None:
        self.value = value
        keeper = _concealer  # the global may have changed when the finalizer runs
        keeper.add(value)
        finalize(self, keeper.release, value).atexit = False


def conceal_secrets(text: str) -> str:
    """Return the text without the known secrets, for sinks other than the log."""
    return _concealer.clean(text)


def conceal_head(text: str, length: int) -> str:
    """Return at most `length` characters of the text without the known secrets, in time independent of its length."""
    return _concealer.head(text, length)


class LogFormat(StrEnum):
    """The format of log lines. `auto`: text on a terminal, JSON otherwise."""

    AUTO = "auto"
    TEXT = "text"
    JSON = "json"
    LOGFMT = "logfmt"


@dataclass(frozen=True, slots=True)
class Levels:
    """The log level, and the levels of subsystems such as `engine` or `network.resolver`."""

    level: int = logging.INFO
    subsystems: Mapping[str, int] = field(default_factory=dict)

    @classmethod
    def parse(cls, text: str) -> Levels:
        """Parse `warning`, or levels with subsystems: `info,engine=debug,aiohttp=error`.

        A subsystem is a module of ninewatch without `monitor.`, or the name of a library.

        Raises:
            ValueError: a level or subsystem is unknown.
        """
        level, subsystems = logging.INFO, {}
        for part in text.split(","):
            name, separator, word = part.rpartition("=")
            value = _LEVELS.get(word.strip().lower())
            if value is None or (separator and not _SUBSYSTEM.fullmatch(name.strip())):
                raise ValueError(f"{part.strip()!r} is not a level; use {', '.join(_LEVELS)}, or SUBSYSTEM=LEVEL")
            if separator:
                subsystems[name.strip()] = value
            else:
                level = value
        return cls(level, subsystems)

    def apply(self) -> None:
        """Set the levels of the loggers of the subsystems."""
        for name, level in self.subsystems.items():
            for logger in (name, f"monitor.{name}"):
                logging.getLogger(logger).setLevel(level)


def configure(
    stream: TextIO | None = None,
    *,
    level: int | Levels = logging.INFO,
    form: LogFormat = LogFormat.AUTO,
) -> None:
    """Write the log records of structlog and the standard library to the stream (default: stderr), without secrets.

    A second call replaces the configuration, except that levels of subsystems are added.
    """
    stream = stream or sys.stderr
    levels = level if isinstance(level, Levels) else Levels(level)
    if form is LogFormat.AUTO:
        form = LogFormat.TEXT if stream.isatty() else LogFormat.JSON
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
        _shorten_values,
    ]
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *_renderers(form), _redact],
        )
    )
    logging.basicConfig(handlers=[handler], level=levels.level, force=True)
    levels.apply()
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,  # a second call must affect loggers that were already used
    )


def _renderers(form: LogFormat) -> list[Processor]:
    """Return the renderers. Tracebacks have no local variables, which may contain unknown secrets."""
    if form is LogFormat.JSON:
        return [structlog.processors.format_exc_info, structlog.processors.JSONRenderer(default=str)]
    if form is LogFormat.LOGFMT:
        first = ("timestamp", "level", "logger", "event")
        return [
            structlog.processors.format_exc_info,
            _with_plain_keys,
            structlog.processors.LogfmtRenderer(key_order=first, drop_missing=True, bool_as_flag=False),
        ]
    return [structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback)]


def _with_plain_keys(logger: WrappedLogger, name: str, event: EventDict) -> EventDict:
    """Replace characters in keys that logfmt does not allow, and line breaks in tracebacks.

    Secrets are concealed first, because logfmt escapes quotes, and a secret with an escaped quote is not recognised.
    """
    return {
        re.sub(r"[\s=\"]+", "_", _concealer.clean(key)): _concealer.clean(str(value)).replace("\n", "\\n")
        if not isinstance(value, bool | int | float | None)
        else value
        for key, value in event.items()
    }


def _shorten_values(logger: WrappedLogger, name: str, event: EventDict) -> EventDict:
    """Truncate and escape text from a target, so that it cannot forge lines or fill the disk. Secrets stay whole."""
    return {key: _one_line(value) if isinstance(value, str) else value for key, value in event.items()}


def _one_line(text: str) -> str:
    text = _concealer.clean(text)
    if len(text) > _MAX_TEXT_LENGTH:
        text = f"{text[:_MAX_TEXT_LENGTH]}... ({len(text)} characters)"
    return escape_invisible(text)


def escape_invisible(text: str) -> str:
    """Return the text with control and invisible characters escaped, so that it cannot forge lines."""
    return _INVISIBLE.sub(lambda match: f"\\u{ord(match[0]):04x}", text)


def _redact(logger: WrappedLogger, name: str, line: Any) -> Any:
    """Conceal secrets in the rendered line, including keys, values and tracebacks."""
    return _concealer.clean(line) if isinstance(line, str) else line
