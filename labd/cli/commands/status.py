"""``labctl status``: the machine in two lines, and the jobs as a table."""

import argparse
import time
from collections.abc import Sequence
from typing import Any

from labd.cli import exits, output, view
from labd.cli.connect import Connect
from labd.cli.machine import headline
from labd.cli.options import add_format
from labd.cli.parser import Parser, add_output, count
from labd.cli.refs import Calls, ref
from labd.cli.render import Terminal
from labd.cli.table import Cell, Column, table

HELP = """what runs, what waits, what the machine has

Jobs that run come first, then those that wait, in the order in which they will start, then those that
ended last. A JOB is an id, a name, the unique start of a name, or `last`."""
EXAMPLES = [
    ("labctl status --state failed --limit 50", "the last failures"),
    ("labctl status --user anna --all", "everything of one user"),
    ("labctl status --watch", "drawn anew when something happens"),
    ("labctl status --format '{id} {state} {name}'", "for scripts; --json for programs"),
]
RECENT = 10
LIMIT = 100
PAGE = 1000
"""Jobs that are shown unless told otherwise, and that are asked for at once."""

COLUMNS = [
    Column("ID", right=True), Column("NAME", least=8), Column("STATE"), Column("USER", least=6),
    Column("TAKES"), Column("ELAPSED", right=True), Column("ETA", right=True), Column("PROGRESS"),
    Column("INFO", least=24),
]  # fmt: skip
SORTABLE = (
    "id", "name", "state", "user", "group", "priority", "cpus", "memory", "gpus", "attempt", "progress",
    "submitted", "started", "ended",
)  # fmt: skip
WIDE = 100
"""Cells from which on progress has a column of its own."""


def add_arguments(parser: Parser) -> None:
    parser.add_argument("jobs", metavar="JOB", nargs="*", help="only these")
    parser.add_argument("-a", "--all", action="store_true", help="every job that labd remembers")
    parser.add_argument(
        "--state", metavar="STATE", action="append", choices=[*view.LIVE, *view.ENDED],
        help=f"only jobs that are {', '.join(view.LIVE)}, {', '.join(view.ENDED)}",
    )  # fmt: skip
    parser.add_argument("--user", metavar="USER", help="only jobs of USER")
    parser.add_argument("--name", metavar="PATTERN", help="only jobs of this name; * and ? are wildcards")
    parser.add_argument("--tag", metavar="TAG", help="only jobs with this tag")
    parser.add_argument("--group", metavar="GROUP", help="only jobs of this group")
    parser.add_argument(
        "--limit", metavar="N", type=count, help=f"N jobs at most ({LIMIT}, {RECENT} of them ended)"
    )
    parser.add_argument(
        "--sort", metavar="FIELD", choices=SORTABLE, help=f"sort what is shown by {', '.join(SORTABLE)}"
    )
    parser.add_argument("-r", "--reverse", action="store_true", help="the other way round")
    parser.add_argument("-w", "--watch", action="store_true", help="stay, and draw it anew; q leaves")
    add_output(parser)
    add_format(parser)


def run(args: argparse.Namespace, connect: Connect) -> int:
    if args.watch and not (args.json or args.quiet):
        from labd.cli.live import Live, possible

        if possible():
            Live(lambda calls: _watched(args, calls), _drawn).run(connect, TOPICS)
            return exits.OK
    with connect() as client:
        jobs, more = _chosen(args, client)
        jobs = _sorted(args, jobs)
        daemon = {} if args.quiet or args.format else client.call("daemon.status")
    if args.json:
        output.emit(daemon=daemon, jobs=jobs, more=more)
    elif args.format:
        output.show([*args.format.lines(jobs)])
    elif args.quiet:
        output.show([str(job["id"]) for job in jobs])
    else:
        _print(args, daemon, jobs, more)
    return exits.OK


def _sorted(args: argparse.Namespace, jobs: list[view.Job]) -> list[view.Job]:
    """As --sort and --reverse say; jobs that lack the field stand last either way."""
    field = args.sort
    if field is None:
        return jobs[::-1] if args.reverse else jobs
    known = [job for job in jobs if job.get(field) is not None]
    known.sort(key=lambda job: job[field], reverse=args.reverse)
    return known + [job for job in jobs if job.get(field) is None]


def _chosen(args: argparse.Namespace, client: Calls) -> tuple[list[view.Job], bool]:
    """The jobs to show, and whether there are more of the kind."""
    if args.jobs:
        return [client.call("job.show", {"job": ref(text)})["job"] for text in args.jobs], False
    if args.all:
        return _all(args, client), False
    if args.state:
        jobs, more = _listed(args, client, args.state, args.limit or LIMIT)
        return sorted(jobs, key=view.rank), more
    return _usual(args, client)


def _usual(args: argparse.Namespace, client: Calls) -> tuple[list[view.Job], bool]:
    """Unfinished jobs, and some that have ended.

    Asked for kind by kind, lest many that wait crowd out the few that run; in this order, as a job that
    moves on meanwhile is then seen twice and not missed.
    """
    limit = args.limit or LIMIT
    waiting, more_waiting = _listed(args, client, view.WAITING, limit + 1, order="start")
    active, more_active = _listed(args, client, view.ACTIVE, limit)
    live = _merged(waiting, active)
    room = RECENT if args.limit is None else limit - len(live)
    ended, more_ended = _listed(args, client, view.ENDED, room) if room > 0 else ([], True)
    return _merged(live[:limit], ended), more_waiting or more_active or more_ended or len(live) > limit


def _merged(before: list[view.Job], later: list[view.Job]) -> list[view.Job]:
    """Both, sorted; of a job in both the later view."""
    return sorted({job["id"]: job for job in [*before, *later]}.values(), key=view.rank)


def _listed(
    args: argparse.Namespace, client: Calls, states: Sequence[str] | None, limit: int, **more: Any
) -> tuple[list[view.Job], bool]:
    """One page, the newest first unless *more* has another order, and whether there is another page."""
    chosen = {"user": args.user, "name": args.name, "tag": args.tag, "group": args.group}
    asked = {"states": states, "limit": min(limit, PAGE), **chosen, **more}
    known = {name: value for name, value in asked.items() if value is not None}
    jobs = client.call("job.list", known)["jobs"]
    return jobs, len(jobs) >= min(limit, PAGE)


def _all(args: argparse.Namespace, client: Calls) -> list[view.Job]:
    """Every job, sorted."""
    found: list[view.Job] = []
    more = True
    while more and (args.limit is None or len(found) < args.limit):
        room = PAGE if args.limit is None else args.limit - len(found)
        page, more = _listed(args, client, args.state, room, before=found[-1]["id"] if found else None)
        found += page
    return sorted(found, key=view.rank)


def _print(args: argparse.Namespace, daemon: dict[str, Any], jobs: list[view.Job], more: bool) -> None:
    term = output.screen()
    if not args.jobs:
        output.show([*headline(daemon, term), ""])
    output.show(rows(jobs, term, time.time()))
    if more:
        output.say("There are more: labctl status --all")
    elif not jobs:
        filtered = args.state or args.user or args.name or args.tag or args.group
        output.say("No such jobs." if filtered else "No jobs. Submit one: labctl submit COMMAND")


Seen = tuple[dict[str, Any], list[view.Job]]
TOPICS = ("job.*", "daemon.*", "service.*", "store.*")


def _watched(args: argparse.Namespace, calls: Calls) -> Seen:
    jobs, _ = _chosen(args, calls)
    return {} if args.jobs else calls.call("daemon.status"), jobs


def _drawn(seen: Seen, term: Terminal, height: int, age: float) -> list[str]:
    daemon, jobs = seen
    head = [*headline(daemon, term), ""] if daemon else []
    return [*head, *(rows(view.aged(jobs, age), term, time.time()) or ["No jobs."])][:height]


def rows(jobs: list[view.Job], term: Terminal, now: float) -> list[str]:
    """The table of jobs, or nothing."""
    wide = term.width is None or term.width >= WIDE
    return table(COLUMNS, [_row(job, now, wide) for job in jobs], term)


def _row(job: view.Job, now: float, wide: bool) -> list[Cell]:
    progress, info = view.progress(job), view.info(job, now)
    if not wide:  # what reports progress runs, and has little else to say
        progress, info = "", "  ".join(part for part in (progress, info) if part)
    return [
        Cell(str(job["id"])),
        Cell(job.get("name") or ""),
        Cell(job["state"].replace("_", " "), view.STYLES.get(job["state"], "")),
        Cell(job.get("user") or ""),
        Cell(view.resources(job)),
        Cell(view.elapsed(job, now)),
        Cell(view.left(job)),
        Cell(progress),
        Cell(info),
    ]
