"""Log records as text: short for people, one JSON object a line for programs. Pure."""

import json
import logging
import re
import time
import traceback

from labd.daemon.owner import LABD, OWNER

COLOURS = {"DEBUG": "2", "INFO": "32", "WARNING": "33", "ERROR": "31", "CRITICAL": "1;31"}

UNPRINTABLE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


def human(record: logging.LogRecord, *, colour: bool = False) -> str:
    """``12:34:56 warning jobs: message (job 7, attempt 1)``, then the traceback if there is one.

    Control characters are shown, not sent: a job's name must not move the cursor.
    """
    level = record.levelname.lower()
    if colour:
        level = f"\x1b[{COLOURS.get(record.levelname, '0')}m{level}\x1b[0m"
    clock = time.strftime("%H:%M:%S", time.localtime(record.created))
    where = record.name.removeprefix("labd.")
    notes = ", ".join(f"{key} {value}" for key, value in context(record).items())
    text = f"{message(record)} ({notes})" if notes else message(record)
    body = "\n".join(filter(None, [text, error(record)]))
    return f"{clock} {level} {where}: " + _visible(body).replace("\n", "\n    ")


def as_json(record: logging.LogRecord) -> str:
    """One object: time (ISO 8601, UTC), level, logger, message, job, attempt, plugin, event, file, line,
    error."""
    seconds = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
    fields = {
        "time": f"{seconds}.{int(record.created % 1 * 1000):03d}Z",
        "level": record.levelname.lower(),
        "logger": record.name,
        "message": message(record),
        **context(record),
        "file": record.pathname,
        "line": record.lineno,
    }
    if text := error(record):
        fields["error"] = text
    return json.dumps(fields, default=str)


def context(record: logging.LogRecord) -> dict[str, object]:
    """What the record is about: ``extra={"job": .., "attempt": .., "plugin": .., "event": ..}`` of the call.

    The plugin is known without being told, in every task that belongs to one.
    """
    found = {key: getattr(record, key, None) for key in ("job", "attempt", "plugin", "event")}
    if found["plugin"] is None and OWNER.get() != LABD:
        found["plugin"] = OWNER.get()
    return {key: value for key, value in found.items() if value is not None}


def message(record: logging.LogRecord) -> str:
    """The message with its arguments; a call whose arguments do not fit is shown as it stands."""
    try:
        return record.getMessage()
    except Exception as wrong:  # the log call is at fault, not whoever reads the log
        return f"{record.msg!r} {record.args!r} (a wrong log call: {wrong})"


def error(record: logging.LogRecord) -> str:
    """The traceback of the record, or an empty string."""
    if not record.exc_info or record.exc_info[1] is None:
        return ""
    return "".join(traceback.format_exception(record.exc_info[1])).rstrip("\n")


def _visible(text: str) -> str:
    return UNPRINTABLE.sub(lambda match: f"\\x{ord(match[0]):02x}", text)
