"""Options of commands that add facts: author, reason, duration and end."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

from monitor.errors import NinewatchError
from monitor.facts.journal import MAX_TEXT_LENGTH
from sla.interval import SECOND
from sla.window import parse_duration, parse_instant

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

C = TypeVar("C", bound=Callable[..., Any])


class _ByOption(click.Option):
    """The option `--by`, with the hidden alias `--author` of earlier versions."""

    def get_help_record(self, ctx: click.Context) -> tuple[str, str] | None:
        """Return the help without the alias."""
        record = super().get_help_record(ctx)
        return None if record is None else (record[0].replace(", --author", ""), record[1])

    def get_error_hint(self, ctx: click.Context | None) -> str:
        """Return the name of the option in error messages."""
        return "'--by'"


def by_option(*, required: bool = True, text: str = "Your name.") -> Callable[[C], C]:
    """Return the option `--by` with the parameter `author`; `text` is its help."""
    return click.option("--by", "--author", "author", cls=_ByOption, required=required, help=text)


BY_OPTION = by_option()
"""The required option `--by` of commands that record a fact."""


def one_line(option: str, text: str) -> str:
    """Return the text of an option without surrounding spaces.

    Raises:
        NinewatchError: the text is empty, too long or more than one line.
    """
    text = text.strip()
    if not text or len(text) > MAX_TEXT_LENGTH or not text.isprintable():
        raise NinewatchError(
            f"{option} is empty, longer than {MAX_TEXT_LENGTH} characters or more than one line; rewrite it"
        )
    return text


def end_of(subject: str, length: str | None, until: str | None, zone: ZoneInfo, now: int) -> int:
    """Return the instant of `--for`, rounded up to a second, or of `--until`. `subject` is for error messages.

    Raises:
        NinewatchError: none or both are specified, a value is invalid, or the instant is not in the future.
    """
    if (length is None) == (until is None):
        raise NinewatchError("specify the duration: --for 2h, or --until TIME")
    try:
        instant = _next_second(now + parse_duration(str(length))) if until is None else parse_instant(until, zone)
    except (ValueError, OverflowError) as error:
        raise NinewatchError(str(error)) from None
    if instant <= now:
        raise NinewatchError(f"the end of the {subject} is in the past; specify a later instant")
    return instant


def _next_second(at: int) -> int:
    return -(-at // SECOND) * SECOND
