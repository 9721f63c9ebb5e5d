"""``labctl array``: how the tasks of an array stand."""

import argparse
import time
from typing import Any

from labd.cli import exits, output, view
from labd.cli.connect import Connect
from labd.cli.parser import Parser, add_output, count
from labd.cli.refs import Calls, ref
from labd.cli.render import Terminal
from labd.cli.table import Cell, Column, pairs, table

HELP = """how the tasks of an array stand

How many wait, run and have ended in each way, and a table of those that run or did not succeed. A task is
named by its array and its index, as in 12_5, wherever a JOB is asked for."""
EXAMPLES = [
    ("labctl array 12", "what runs and what failed"),
    ("labctl array 12 --state failed -q", "the failed tasks, one a line"),
    ("labctl array 12 --all --json", "all tasks, for programs"),
]
PAGE, LIMIT = 1000, 50
SHOWN = ("held", "blocked", "queued", "starting", "running", "paused", "failed", "timed_out", "lost")
"""States of the tasks that are listed unless told otherwise."""

COLUMNS = [
    Column("TASK", right=True), Column("STATE"), Column("ELAPSED", right=True), Column("ATTEMPT", right=True),
    Column("INFO", least=24),
]  # fmt: skip


def add_arguments(parser: Parser) -> None:
    parser.add_argument("job", metavar="JOB", help="which array")
    parser.add_argument("-a", "--all", action="store_true", help="also the tasks that have succeeded")
    parser.add_argument(
        "--state", metavar="STATE", action="append", choices=[*view.LIVE, *view.ENDED],
        help="only tasks that are so; may be given several times",
    )  # fmt: skip
    parser.add_argument("--limit", metavar="N", type=count, help=f"N tasks at most ({LIMIT}; --json: all)")
    add_output(parser, "print the names of tasks only")


def run(args: argparse.Namespace, connect: Connect) -> int:
    with connect() as client:
        reply = _asked(args, client)
    if args.json:
        output.emit(**reply)
    elif args.quiet:
        output.show([_name(task) for task in reply["tasks"]])
    else:
        _print(reply, output.screen(), args)
    return exits.OK


def _asked(args: argparse.Namespace, client: Calls) -> dict[str, Any]:
    """One page after the other until there are enough."""
    states = args.state or (None if args.all else list(SHOWN))
    limit = args.limit or (None if args.json or args.quiet else LIMIT)
    reply: dict[str, Any] = {"tasks": [], "more": True}
    while reply["more"] and (limit is None or len(reply["tasks"]) < limit):
        room = PAGE if limit is None else min(PAGE, limit - len(reply["tasks"]))
        page = _page(client, args.job, states, room, reply["tasks"])
        reply = {**page, "tasks": [*reply["tasks"], *page["tasks"]], "more": len(page["tasks"]) == room}
    return reply


def _page(
    client: Calls, job: str, states: list[str] | None, room: int, before: list[dict[str, Any]]
) -> dict[str, Any]:
    above = before[-1]["position"] if before else None
    page: dict[str, Any] = client.call(
        "job.tasks", {"job": ref(job), "states": states, "limit": room, "above": above}
    )
    return page


def _print(reply: dict[str, Any], term: Terminal, args: argparse.Namespace) -> None:
    job, now = reply["job"], time.time()
    output.show(pairs([
        ("Job", str(job["id"])),
        ("Name", job.get("name") or ""),
        ("State", job["state"].replace("_", " ")),
        ("Tasks", view.counted(job)),
        ("Progress", view.bar(view.done(job))),
        ("Waits for", job.get("waiting_for") or ""),
        ("Result", view.result(job)),
    ], term))  # fmt: skip
    rows = [_row(task, now) for task in reply["tasks"]]
    rows += [_range(part) for part in reply["untouched"]]
    if rows:
        output.show(["", *table(COLUMNS, rows, term)])
    if reply["more"]:
        output.say(f"There are more: labctl array {job['id']} --limit N")
    if job["state"] in ("failed", "cancelled"):
        output.say(f"  hint: run again what did not succeed: labctl retry {job['id']}")


def _name(task: dict[str, Any]) -> str:
    return f"{task['array']}_{task['index']}"


def _row(task: dict[str, Any], now: float) -> list[Cell]:
    return [
        Cell(_name(task)),
        Cell(task["state"].replace("_", " "), view.STYLES.get(task["state"], "")),
        Cell(view.elapsed(task, now)),
        Cell(str(task["attempt"] or "")),
        Cell("  ".join(part for part in (view.progress(task), view.info(task, now)) if part)),
    ]


def _range(part: dict[str, Any]) -> list[Cell]:
    first, last = part["first"], part["last"]
    names = str(first) if first == last else f"{first}-{last}"
    tasks = "1 task" if part["count"] == 1 else f"{part['count']} tasks"
    return [
        Cell(names), Cell(part["state"], view.STYLES.get(part["state"], "")), Cell(""), Cell(""), Cell(tasks)
    ]  # fmt: skip
