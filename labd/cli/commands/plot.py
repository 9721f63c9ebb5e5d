"""``labctl plot``: the curves that jobs report."""

import argparse
import os
import sys

from labd.cli import curves, exits, output, view
from labd.cli.chart import text
from labd.cli.chart.panel import Panel
from labd.cli.connect import Connect, Steady
from labd.cli.curves import Choice, Run
from labd.cli.parser import Parser, count
from labd.cli.refs import Calls
from labd.cli.render import Terminal
from labd.errors import NotFound, UsageError

USAGE = "labctl plot [options] JOB [JOB ...] [METRIC ...]"
HELP = """the curves that jobs report

Each metric has a panel of its own; those joined by a comma share one. `*` stands for any letters. Several
jobs lie over each other. A word after the first is a metric if one of that name was reported, else a job."""
EXAMPLES = [
    ("labctl plot 12 13 loss", "two jobs, one metric"),
    ("labctl plot 12 loss,val_loss --log", "two metrics in one panel"),
    ("labctl plot 12 --follow", "redrawn as reports come in"),
    ("labctl plot 12 -o curves.svg", "for a paper"),
]
MOST_DRAWN, MOST_WRITTEN = 4, 16
"""Panels in a terminal and in a picture, where no metric was named."""

HEIGHT = 14
"""Lines of a panel where the height of the terminal says nothing."""

FINE = 1000
"""Points of a curve in a picture and in JSON."""

TOPICS = ("job.*",)


def add_arguments(parser: Parser) -> None:
    parser.add_argument("words", metavar="JOB", nargs="+", help="which jobs, and which METRICs of them")
    parser.add_argument(
        "--attempt", metavar="N", action="append", type=_attempt, help="which attempts: a number, or all"
    )
    parser.add_argument("--x", choices=("step", "time"), default="step", help="what to draw over: step, time")
    parser.add_argument(
        "--log", action="store_true", help="logarithmic values; what is not above 0 is left out"
    )
    parser.add_argument("-f", "--follow", action="store_true", help="draw anew as reports come in; q leaves")
    parser.add_argument("--ascii", action="store_true", help="plain characters only")
    parser.add_argument("--points", metavar="N", type=count, help=f"points of a curve, {FINE} in a picture")
    parser.add_argument(
        "-o", "--output", metavar="FILE", help="write a picture: .svg, or .png (needs Pillow)"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def _attempt(word: str) -> int:
    return 0 if word == "all" else count(word)


def run(args: argparse.Namespace, connect: Connect) -> int:
    _check(args)
    if args.follow:
        from labd.cli.live import possible

        if possible():
            return _follow(args, connect)
    with Steady(connect, output.say) as calls:
        choice = curves.choose(calls, args.words)
        found = _fetched(args, calls, choice)
    if args.json:
        output.emit(runs=[one._asdict() for one in found])
        return exits.OK
    shown = _panels(args, found, choice)
    if args.output:
        _write(args.output, shown, found)
    else:
        output.show(lines(shown, output.screen(), _height(), ascii_only=args.ascii))
    return exits.OK


def _check(args: argparse.Namespace) -> None:
    """Raises UsageError."""
    if args.output and os.path.splitext(args.output)[1].lower() not in (".svg", ".png"):
        raise UsageError(f"{args.output}: what kind of picture?", hint="end the name in .svg or .png")
    if args.follow and (args.output or args.json):
        raise UsageError("--follow draws in the terminal", hint="leave out --follow, or --output and --json")


def _fetched(args: argparse.Namespace, calls: Calls, choice: Choice) -> list[Run]:
    fine = args.output or args.json
    points = args.points or (FINE if fine else 4 * (output.screen().width or 80))
    attempts = (
        None if args.attempt is None else [n for n in args.attempt if n] if 0 not in args.attempt else []
    )
    return curves.fetch(calls, choice, attempts, min(max(points, curves.FEWEST), 2000))


def _panels(args: argparse.Namespace, found: list[Run], choice: Choice) -> list[Panel]:
    """What is to be drawn. Raises NotFound for nothing."""
    shown = curves.panels(found, choice.groups, log=args.log, seconds=args.x == "time")
    if not shown:
        raise _nothing(args, found)
    most = MOST_WRITTEN if args.output else MOST_DRAWN
    if not choice.groups and len(shown) > most:
        names = ", ".join(panel.title for panel in shown[most:])
        output.say(f"labctl: not drawn: {names}; name those that you want")
        shown = shown[:most]
    if left := sum(panel.left_out for panel in shown):
        why = "--log has none for 0 and below" if args.log else "too large"
        output.say(f"labctl: {left} values have no place on the axes ({why})")
    return shown


def _nothing(args: argparse.Namespace, found: list[Run]) -> NotFound:
    jobs = ", ".join(dict.fromkeys(str(one.job) for one in found))
    what = f"job{'s' if ',' in jobs else ''} {jobs}"
    if not any(one.series for one in found):
        return NotFound(f"{what} reported no metrics", hint="in the job: labd.report(loss=0.1)")
    why = "above 0" if args.log else "with a time" if args.x == "time" else "that is finite"
    return NotFound(f"{what} reported no value {why}", hint="`labctl plot JOB --json` has what was reported")


def lines(panels: list[Panel], term: Terminal, height: int | None, *, ascii_only: bool = False) -> list[str]:
    """All *panels* below each other, so that they fill a screen of *height* lines."""
    ink = text.PLAIN if ascii_only else text.ink_for(sys.stdout.encoding)
    more = sum(len(panel.curves) > 1 for panel in panels) + len(panels)  # legends, and lines between
    room = HEIGHT if height is None else min((height - more) // len(panels), 2 * HEIGHT)
    blocks = [text.lines(panel, term, term.width or 80, room, ink) for panel in panels]
    return [line for block in blocks for line in ("", *block)][1:]


def _height() -> int | None:
    try:
        return os.get_terminal_size(1).lines or None
    except OSError:
        return None


def _write(path: str, panels: list[Panel], found: list[Run]) -> None:
    from labd.cli.chart.page import page

    jobs = {(one.job, one.name) for one in found}
    heading = "{} {}".format(*jobs.pop()).strip() if len(jobs) == 1 else ""
    drawn = page(panels, f"Job {heading}" if heading else "")
    if path.lower().endswith(".png"):
        from labd.cli.chart import png

        png.write(drawn, path)
    else:
        from labd.cli.chart.svg import svg

        with open(path, "w", encoding="utf-8") as file:
            file.write(svg(drawn))
    output.say(f"Wrote {path}.")


def _follow(args: argparse.Namespace, connect: Connect) -> int:
    from labd.cli.live import Live

    with connect() as client:
        choice = curves.choose(client, args.words, early=True)

    def draw(found: list[Run], term: Terminal, height: int, age: float) -> list[str]:
        shown = curves.panels(found, choice.groups, log=args.log, seconds=args.x == "time")
        drawn = lines(shown[:MOST_DRAWN], term, height, ascii_only=args.ascii) if shown else []
        return drawn or ["Nothing was reported yet."]

    def over(found: list[Run]) -> bool:
        return all(one.state in view.ENDED for one in found)

    live = Live(lambda calls: _fetched(args, calls, choice), draw, over)
    last = live.run(connect, TOPICS)
    if last is not None:
        output.show(draw(last, output.screen(), _height() or HEIGHT, 0.0))
    return exits.OK
