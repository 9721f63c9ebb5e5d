"""``labctl logs``: a job's output, byte for byte."""

import argparse

from labd.cli import exits, output, view, watch
from labd.cli.connect import Connect, Steady
from labd.cli.parser import Parser, add_output
from labd.cli.refs import resolve, title

HELP = """the output of a job

Prints what the job wrote to stdout and stderr, untouched: its last attempt, or the one asked for. With
--follow until that attempt has ended; restarts of the daemon only pause it."""
EXAMPLES = [
    ("labctl logs 12", "what there is"),
    ("labctl logs -f train", "and what comes"),
    ("labctl logs last --tail 20", "the end of it"),
    ("labctl logs 12 --attempt 1 > first.log", "an earlier attempt"),
]


def add_arguments(parser: Parser) -> None:
    parser.add_argument("job", metavar="JOB", help="which job")
    parser.add_argument("-f", "--follow", action="store_true", help="go on until the attempt has ended")
    parser.add_argument("--attempt", metavar="N", type=int, help="which attempt (default: the last)")
    where = parser.add_mutually_exclusive_group()
    where.add_argument("--tail", metavar="N", type=int, help="begin N lines before the end (1 MiB at most)")
    where.add_argument("--offset", metavar="BYTES", type=int, default=0, help="begin at a byte")
    add_output(parser, "")


def run(args: argparse.Namespace, connect: Connect) -> int:
    with Steady(connect, output.say) as calls:
        [job] = resolve(calls, [args.job])
        try:
            _print(args, _chunks(args, calls, job))
            if args.follow and not args.json:
                _tell_end(calls, job)
        except KeyboardInterrupt:
            return watch.stopped(f"job {job} goes on")
    return exits.OK


def _chunks(args: argparse.Namespace, calls: Steady, job: int) -> watch.Chunks:
    attempt, offset = args.attempt, args.offset
    if args.tail is not None:
        attempt, offset, data = watch.log_tail(calls, job, attempt, args.tail)
        if data:
            yield attempt or 0, offset, data
        offset += len(data)
    yield from watch.log_chunks(calls, job, attempt, offset, follow=args.follow)


def _print(args: argparse.Namespace, chunks: watch.Chunks) -> None:
    for attempt, offset, data in chunks:
        if args.json:
            output.emit_line(attempt=attempt, offset=offset, text=data.decode(errors="replace"))
        else:
            watch.write(data)


def _tell_end(calls: Steady, number: int) -> None:
    """How the job ended, or that another attempt is to come."""
    job = calls.call("job.show", {"job": number})["job"]
    if job["state"] in view.ENDED:
        output.say(f"{title(job).capitalize()} {view.outcome(job)}.")
    elif job["state"] in view.WAITING:
        output.say(f"The attempt has ended; {title(job)} is {job['state']} again.")
