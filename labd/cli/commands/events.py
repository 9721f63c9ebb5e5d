"""``labctl events``: what happened, and what happens."""

import argparse
import time
from collections.abc import Iterable, Iterator
from fnmatch import fnmatchcase
from typing import Any

from labd.cli import exits, output
from labd.cli.connect import LOST, Connect, Steady
from labd.cli.options import add_format
from labd.cli.parser import Parser, add_output, count
from labd.cli.refs import resolve
from labd.cli.render import safe

HELP = """what happened, and what happens

Every change has a number, a time, a kind, who did it and why. Without --since the last 100 are shown."""
EXAMPLES = [
    ("labctl events", "the last hundred"),
    ("labctl events -f --kind 'job.*'", "what happens to jobs from now on"),
    ("labctl events --job 12 --since 0", "the whole life of a job"),
    ("labctl events -f --since 4711 --json", "go on after an event seen before"),
]
LIMIT = 100
PAGE = 500
UNSAID = frozenset({
    "token", "key", "environment", "uid", "gid", "started", "ended",
    "ready_wall", "ready_boot", "ready_boot_id",
})  # fmt: skip
"""What a line leaves out for being long or said better elsewhere; --json has it all."""

_NONE: tuple[Any, ...] = (None, "", [], {})
Event = dict[str, Any]


def add_arguments(parser: Parser) -> None:
    parser.add_argument("-f", "--follow", action="store_true", help="go on with what happens")
    parser.add_argument("--since", metavar="SEQ", type=int, help="begin after this event")
    parser.add_argument("--limit", metavar="N", type=count, help=f"the last N events (default {LIMIT})")
    parser.add_argument("--kind", metavar="KIND", action="append", help="only these; job.* is a pattern")
    parser.add_argument("--job", metavar="JOB", help="only what concerns this job")
    add_output(parser, "print numbers only")
    add_format(parser)


def run(args: argparse.Namespace, connect: Connect) -> int:
    with Steady(connect, output.say) as calls:
        job = resolve(calls, [args.job])[0] if args.job is not None else None
        try:
            events = _chosen(args, calls, job)
            if args.format:
                for text in args.format.lines(_told(events)):
                    print(text, flush=True)
            for event in events:
                _print(args, event)
        except KeyboardInterrupt:
            return exits.INTERRUPTED
    return exits.OK


def _chosen(args: argparse.Namespace, calls: Steady, job: int | None) -> Iterator[Event]:
    """What was, then what comes; each event once."""
    since = args.since if args.since is not None else _newest(calls)
    if args.since is None:
        yield from _last(args, calls, job, since)
    else:
        for event in _past(args, calls, job, since):
            since = event["seq"]
            yield event
    if args.follow:
        yield from _coming(args.kind or [], calls, job, since)


def _newest(calls: Steady) -> int:
    return int(calls.call("event.list", {"limit": 1})["last"])


def _last(args: argparse.Namespace, calls: Steady, job: int | None, newest: int) -> list[Event]:
    """The last events up to *newest* that match, found by reaching back further and further."""
    limit, reach = args.limit or LIMIT, args.limit or LIMIT
    while True:
        found = [e for e in _past(args, calls, job, max(0, newest - reach)) if e["seq"] <= newest]
        if len(found) >= limit or reach >= newest:
            return found[-limit:]
        reach *= 8


def _past(args: argparse.Namespace, calls: Steady, job: int | None, since: int) -> Iterator[Event]:
    """Matching events after *since*, to the present end of the log."""
    only = {} if job is None else {"job": job}
    while True:
        events = calls.call("event.list", {"since": since, "limit": PAGE, **only})["events"]
        yield from (event for event in events if _wanted(args.kind, event))
        if len(events) < PAGE:
            return
        since = events[-1]["seq"]


def _wanted(kinds: list[str] | None, event: Event) -> bool:
    return not kinds or any(fnmatchcase(event["kind"], kind) for kind in kinds)


def _coming(kinds: list[str], calls: Steady, job: int | None, since: int) -> Iterator[Event]:
    """Events from *since* on as they come, across restarts of the daemon."""
    epoch = None
    while True:
        try:
            now = calls.client.hello.get("epoch")
            since = since if epoch in (None, now) else 0  # another log: its numbers start over
            epoch = now
            for event in calls.client.events(kinds, since, epoch):
                since = max(since, event["seq"])
                if job is None or event["data"].get("job") == job or event["kind"] == "lagged":
                    yield event
        except LOST as error:
            calls.lost(error)


def _print(args: argparse.Namespace, event: Event) -> None:
    if args.json:
        output.emit_line(**event)
    elif event["kind"] == "lagged":
        _tell_missed(event)
    elif args.quiet:
        print(event["seq"], flush=True)
    else:
        print(line(event), flush=True)


def _told(events: Iterable[Event]) -> Iterator[Event]:
    """The events, less the notice that some were missed, which is said."""
    for event in events:
        if event["kind"] == "lagged":
            _tell_missed(event)
        else:
            yield event


def _tell_missed(event: Event) -> None:
    output.say(f"labctl: events {event['data']['first']} to {event['data']['last']} were missed")


def line(event: Event) -> str:
    """One event in one line."""
    clock = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(event["time"]))
    known = {key: value for key, value in event["data"].items() if key not in UNSAID and value not in _NONE}
    data = " ".join(f"{key}={_short(value)}" for key, value in known.items())
    parts = (f"{event['seq']:>6}", clock, f"{event['kind']:<20}", data, _why(event))
    return safe("  ".join(part for part in parts if part).rstrip())


def _why(event: Event) -> str:
    actor = f"by {event['actor']}" if event.get("actor") else ""
    cause = f"({event['cause']})" if event.get("cause") else ""
    return " ".join(part for part in (actor, cause) if part)


def _short(value: object) -> str:
    if isinstance(value, dict | list | tuple):
        return f"{len(value)} {'fields' if isinstance(value, dict) else 'items'}"
    return f"{value:g}" if isinstance(value, float) else str(value)
