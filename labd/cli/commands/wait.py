"""``labctl wait``: be there when jobs end."""

import argparse

from labd.cli import exits, output, view, watch
from labd.cli.connect import Connect, Steady
from labd.cli.options import add_format
from labd.cli.parser import Parser, add_output, seconds
from labd.cli.refs import resolve, title
from labd.cli.render import safe

HELP = """wait until jobs have ended

Leaves with the job's own exit code; for several jobs with 0 when all succeeded and 1 otherwise.
Restarts of the daemon only make it longer."""
EXAMPLES = [
    ("labctl wait 12", "leave with its exit code"),
    ("labctl wait 12 13 14 && echo fine", "all of them"),
    ("labctl wait train --timeout 1h", "leave with 8 after an hour"),
]


def add_arguments(parser: Parser) -> None:
    parser.add_argument("jobs", metavar="JOB", nargs="+", help="which jobs")
    parser.add_argument("--timeout", metavar="SPAN", type=seconds, dest="longest", help="as in 1h30m")
    add_output(parser)
    add_format(parser)


def run(args: argparse.Namespace, connect: Connect) -> int:
    with Steady(connect, output.say) as calls:
        ids = resolve(calls, args.jobs)
        try:
            jobs = watch.wait_ended(calls, ids, args.longest)
        except KeyboardInterrupt:
            return watch.stopped("the jobs go on" if len(ids) > 1 else f"job {ids[0]} goes on")
    if args.json:
        output.emit(jobs=jobs)
    elif args.format:
        output.show([*args.format.lines(jobs)])
    elif args.quiet:
        output.show([str(job["id"]) for job in jobs])
    else:
        output.show([safe(f"{title(job).capitalize()} {view.outcome(job)}.") for job in jobs])
    return exits.of_jobs(jobs)
