"""``labctl top``: the machine and its jobs, live."""

import argparse
import time
from typing import Any

from labd.cli import exits, output, view
from labd.cli.board import board
from labd.cli.connect import Connect
from labd.cli.parser import Parser
from labd.cli.refs import Calls
from labd.cli.render import Terminal

HELP = """the machine and its jobs, live

What runs, with its progress and the time that it still takes; what waits, in the order in which it will
start, and for what. Drawn anew when something happens. q or Ctrl-C leaves. Where stdout is no terminal it is
printed once."""
EXAMPLES = [
    ("labctl top", "watch"),
    ("labctl top --once", "one picture"),
]
TOPICS = ("job.*", "daemon.*", "service.*", "store.*")
PAGE = 1000

State = tuple[dict[str, Any], list[view.Job]]


def add_arguments(parser: Parser) -> None:
    parser.add_argument("--once", action="store_true", help="print one picture and leave")
    parser.add_argument("--json", action="store_true", help="print one JSON object and leave")


def run(args: argparse.Namespace, connect: Connect) -> int:
    from labd.cli.live import Live, possible

    if not (args.once or args.json) and possible():
        Live(fetch, draw).run(connect, TOPICS)
        return exits.OK
    with connect() as client:
        daemon, jobs = fetch(client)
    if args.json:
        output.emit(daemon=daemon, jobs=jobs)
    else:
        output.show(board(daemon, jobs, output.screen(), None, time.time()))
    return exits.OK


def fetch(calls: Calls) -> State:
    """The daemon, and the jobs that have not ended, in their order; of one that moves on the later view."""
    waiting = calls.call("job.list", {"states": view.WAITING, "limit": PAGE})["jobs"]
    active = calls.call("job.list", {"states": view.ACTIVE, "limit": PAGE})["jobs"]
    jobs = {job["id"]: job for job in [*waiting, *active]}
    return calls.call("daemon.status"), sorted(jobs.values(), key=view.rank)


def draw(state: State, term: Terminal, height: int, age: float) -> list[str]:
    daemon, jobs = state
    return board(daemon, view.aged(jobs, age), term, height, time.time())
