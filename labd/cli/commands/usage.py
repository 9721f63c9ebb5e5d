"""``labctl usage``: what was used of the machine, and how well."""

import argparse
import time
from typing import Any

from labd.cli import exits, output
from labd.cli.connect import Connect
from labd.cli.parser import Parser, add_output, count
from labd.cli.render import Terminal
from labd.cli.table import Cell, Column, table
from labd.cli.times import span

HELP = """what was used of the machine, and how well

Core hours, GPU hours and memory are what jobs held, used or not. CPU% and MEM% say how much of the
cores and the memory they used. Jobs that run count up to now; a job counts where it ended. Jobs that
labd has removed count by whole days, without their names and tags."""
EXAMPLES = [
    ("labctl usage --since 7d", "the last week, by user"),
    ("labctl usage --by day --since 2026-01-01 --until 2026-02-01", "a month, day by day"),
    ("labctl usage --by group --csv", "for a spreadsheet"),
]
BY = ("user", "group", "name", "tag", "day")
LINES, MOST = 20, 5000
BAR = 8
"""Cells of the longest bar."""

COLUMNS = [
    Column("JOBS", right=True), Column("OK", right=True), Column("FAILED", right=True),
    Column("CORE-H", right=True), Column(""), Column("GPU-H", right=True), Column("GIB-H", right=True),
    Column("WAIT", right=True), Column("CPU%", right=True), Column("MEM%", right=True),
]  # fmt: skip
Row = dict[str, Any]


def add_arguments(parser: Parser) -> None:
    parser.add_argument("--by", choices=BY, default="user", help=f"a line for each {', '.join(BY)} (user)")
    parser.add_argument("--since", metavar="WHEN", type=moment, help="from then on: 7d, 2026-01-31")
    parser.add_argument("--until", metavar="WHEN", type=moment, help="up to then, in the same form")
    parser.add_argument(
        "--limit", metavar="N", type=count, help=f"N lines at most ({LINES}; {MOST} for programs)"
    )
    parser.add_argument("--csv", action="store_true", help="print comma-separated values")
    add_output(parser, quiet="")


def run(args: argparse.Namespace, connect: Connect) -> int:
    limit = args.limit or (MOST if args.json or args.csv else LINES)
    asked = {"by": args.by, "since": args.since, "until": args.until, "limit": min(limit, MOST)}
    with connect() as client:
        found = client.call("job.usage", {name: value for name, value in asked.items() if value is not None})
    if args.json:
        output.emit(**found)
    elif args.csv:
        _print_csv(found)
    else:
        _print(found)
    if found["left_out"]:
        output.say(f"{found['left_out']} more: labctl usage --limit {limit + found['left_out']}")
    return exits.OK


def moment(text: str) -> float:
    """``7d`` ago, or the beginning of the day ``2026-01-31`` here, in Unix seconds."""
    from labd.units import parse_seconds

    if text.count("-") == 2:
        try:
            return time.mktime(time.strptime(text, "%Y-%m-%d"))
        except (ValueError, OverflowError):
            raise argparse.ArgumentTypeError(f'"{text}" is no day: write it as 2026-01-31') from None
    try:
        return max(0.0, time.time() - parse_seconds(text))
    except ValueError:
        raise argparse.ArgumentTypeError(
            f'"{text}" is neither a time that has passed (7d, 12h) nor a day (2026-01-31)'
        ) from None


def _print_csv(found: Row) -> None:
    import csv
    import sys

    names = list(found["total"])
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow([found["by"], *names])
    writer.writerows([row["key"], *(row[name] for name in names)] for row in found["rows"])


def _print(found: Row) -> None:
    if found["rows"]:
        output.show(rows(found, output.screen()))
    else:
        output.say("Nothing ran in that time.")


def rows(found: Row, term: Terminal) -> list[str]:
    """The table; the bar, of core hours, is for people only."""
    most = max(row["core_seconds"] for row in found["rows"])
    lines = [[Cell(row["key"] or "(none)"), *_cells(row, _bar(row, most, term))] for row in found["rows"]]
    if len(lines) > 1:
        lines.append([Cell("total", "bold"), *_cells(found["total"], "")])
    return table([Column(found["by"].upper(), least=8), *COLUMNS], lines, term)


def _cells(row: Row, bar: str) -> list[Cell]:
    return [
        Cell(str(row["jobs"])),
        Cell(str(row["succeeded"])),
        Cell(str(row["failed"])),
        Cell(_hours(row["core_seconds"])),
        Cell(bar, "green"),
        Cell(_hours(row["gpu_seconds"])),
        Cell(_hours(row["memory_seconds"] / 2**30)),
        Cell("" if row["median_wait"] is None else span(row["median_wait"])),
        Cell(_percent(row["cpu_efficiency"])),
        Cell(_percent(row["memory_efficiency"])),
    ]


def _bar(row: Row, most: float, term: Terminal) -> str:
    if term.width is None or not most:
        return ""
    length: int = round(BAR * row["core_seconds"] / most)
    return "█" * length


def _hours(seconds: float) -> str:
    hours = seconds / 3600
    return f"{hours:.0f}" if hours >= 100 else f"{hours:.2f}" if hours < 10 else f"{hours:.1f}"


def _percent(share: float | None) -> str:
    return "" if share is None else f"{share:.0%}"
