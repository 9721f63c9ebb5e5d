"""When a job may begin, as ``--begin`` takes it: a date and time, a time of day, or so long from now."""

import argparse
import time

LATEST = 10 * 365 * 86_400.0
"""Seconds from now; beyond ten years somebody mistyped."""


def begin(text: str) -> float:
    """Unix seconds of *text*; local time where it names no zone. Raises ArgumentTypeError."""
    now = time.time()
    try:
        found = _delay(text, now) if text.startswith("+") else _clock(text, now) or _date(text)
    except (ValueError, OverflowError):
        raise argparse.ArgumentTypeError(
            f'"{text}" is no moment: write 2030-01-31T08:00, 18:30 or +2h'
        ) from None
    if found > now + LATEST:
        raise argparse.ArgumentTypeError(f'"{text}" is more than ten years from now: write 18:30 or +2h')
    return found


def _delay(text: str, now: float) -> float:
    from labd.units import parse_seconds

    return now + parse_seconds(text[1:])


def _clock(text: str, now: float) -> float | None:
    """The next time that clocks show ``HH:MM``; None for what is no such time."""
    hours, _, minutes = text.partition(":")
    if not (_digits(hours) and _digits(minutes)):
        return None
    if int(hours) > 23 or int(minutes) > 59:
        raise ValueError(text)
    today = time.localtime(now)
    for days in (0, 1):  # mktime puts right the day after the last of a month, and a change of the clocks
        day = (today.tm_year, today.tm_mon, today.tm_mday + days)
        found = time.mktime((*day, int(hours), int(minutes), 0, 0, 0, -1))
        if found > now:
            break
    return found


def _digits(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) <= 2


def _date(text: str) -> float:
    from datetime import datetime  # only for whoever writes a date

    return datetime.fromisoformat(text).timestamp()
