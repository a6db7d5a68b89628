"""Options of commands that add facts: author, reason, duration and end."""

from __future__ import annotations

from typing import TYPE_CHECKING

from monitor.errors import NinewatchError
from monitor.facts.journal import LONGEST
from sla.interval import SECOND
from sla.window import parse_duration, parse_instant

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo


def words(option: str, text: str) -> str:
    """Return the text of an option without spaces around it.

    Raises:
        NinewatchError: it is empty, too long or more than one line.
    """
    text = text.strip()
    if not text or len(text) > LONGEST or not text.isprintable():
        raise NinewatchError(f"{option} is empty, longer than {LONGEST} characters or more than one line; rewrite it")
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
