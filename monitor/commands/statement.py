"""Options that commands share whose statement is kept as a fact: author, reason, until when."""

from __future__ import annotations

from typing import TYPE_CHECKING

from monitor.errors import NinewatchError
from monitor.facts.journal import LONGEST
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


def end_of(what: str, length: str | None, until: str | None, zone: ZoneInfo, now: int) -> int:
    """Return the instant that `--for` or `--until` names; `what` is the subject of an error.

    Raises:
        NinewatchError: none or both are given, one cannot be read, or the instant is not in the future.
    """
    if (length is None) == (until is None):
        raise NinewatchError("specify how long: --for 2h, or --until TIME")
    try:
        instant = now + parse_duration(str(length)) if until is None else parse_instant(until, zone)
    except (ValueError, OverflowError) as error:
        raise NinewatchError(str(error)) from None
    if instant <= now:
        raise NinewatchError(f"the {what} would be over already; name a later instant")
    return instant
