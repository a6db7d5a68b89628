"""The options `--window` and `--at` of commands that compute figures of the record."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from sla.calendar import Period
from sla.interval import DAY, Interval
from sla.report import last_complete
from sla.window import parse_instant, parse_window

if TYPE_CHECKING:
    from monitor.config.model import Portfolio
    from sla.window import Window

_VALID_INSTANTS = Interval(parse_instant("1990-01-01T00:00:00Z"), parse_instant("2190-01-01T00:00:00Z"))
_NO_RECORD = "no record covers that time; use a year between 1990 and 2190"
_MAX_WINDOW = 3660 * DAY


def instant_option(text: str, portfolio: Portfolio) -> int:
    """Return the instant of `--at`. Without an offset it is local time in the portfolio's zone.

    Raises:
        click.BadParameter: the text is not an instant between 1990 and 2190.
    """
    try:
        at = parse_instant(text, portfolio.zone)
        if not _VALID_INSTANTS.start <= at <= _VALID_INSTANTS.end:
            raise ValueError(_NO_RECORD)
    except OverflowError:
        raise click.BadParameter(_NO_RECORD, param_hint="'--at'") from None
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="'--at'") from None
    return at


def window_option(text: str, at: int, portfolio: Portfolio) -> Window:
    """Return the window of `--window` as of `at`. `last month` is the last complete month.

    Raises:
        click.BadParameter: the text is not a window, or the window is empty or not between 1990 and 2190.
    """
    name = text.strip().lower().replace("last-", "last ")
    try:
        if name.startswith("last ") and (period := name.removeprefix("last ").strip()) in tuple(Period):
            window = last_complete(Period(period), at, portfolio.zone)
        else:
            window = parse_window(text, at, portfolio.zone)
        _check_range(window)
    except OverflowError:
        raise click.BadParameter(_NO_RECORD, param_hint="'--window'") from None
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="'--window'") from None
    if window.measured.length:
        return window
    raise click.BadParameter(
        f'the current {text} has just started and has no data yet; use --window "last {text}"', param_hint="'--window'"
    )


def _check_range(window: Window) -> None:
    """Check the range and the length of the window.

    Raises:
        ValueError: the window is outside the range of records, or too long for a monthly report.
    """
    if not _VALID_INSTANTS.start <= window.full.start <= window.full.end <= _VALID_INSTANTS.end:
        raise ValueError(_NO_RECORD)
    if window.measured.length > _MAX_WINDOW:
        raise ValueError("the window is longer than 10 years; specify a shorter window")
