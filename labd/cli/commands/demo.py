"""``labd demo``: see it work, in less than a minute."""

import argparse
import os
import shlex
import shutil
import sys
from typing import Any

from labd.cli import exits, output
from labd.cli.parser import count
from labd.errors import UsageError

ABOUT = """\
See it work, in less than a minute: a daemon of its own in a temporary folder, a sweep of real training
runs, and in the middle the daemon is killed. The runs go on, the daemon comes back, nothing starts over.
Every claim is checked: the exit code is 0 only if all of it was true. Nothing is left afterwards."""


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = commands.add_parser(
        "demo", help="see it work: training runs that survive the death of their daemon", description=ABOUT,
        formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False,
    )  # fmt: skip
    parser.add_argument(
        "--keep", action="store_true", help="leave the daemon and its folder to look around in"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object at the end")
    parser.add_argument(
        "--runs", metavar="N", type=count, default=8, help="training runs, 4 to 12 (default 8)"
    )
    parser.add_argument(
        "--epochs",
        metavar="N",
        type=count,
        default=5000,
        help="length of each run (default 5000: some seconds)",
    )


def run(args: argparse.Namespace) -> int:
    """Show it; 0 when all was as promised, 1 when not. Raises LabdError when it cannot be shown."""
    from labd.demo.runs import FEWEST, MOST
    from labd.demo.stop import Stopped, Stops

    if not FEWEST <= args.runs <= MOST:
        raise UsageError(f"--runs {args.runs}: from {FEWEST} to {MOST} runs make a demo")
    try:
        with Stops() as stops:
            return _show(args, stops)
    except Stopped as stopped:
        output.say("labd demo: stopped, and nothing of it is left")
        return 128 + stopped.signum


def _show(args: argparse.Namespace, stops: Any) -> int:
    from labd.demo.show import Demo, Plan
    from labd.demo.views import choose

    view = choose(sys.stdout, args.runs, as_json=args.json)
    demo = Demo(Plan(args.runs, args.epochs, args.keep), view, stops, os.environ)
    kept = False
    try:
        try:
            facts = demo.run()
            kept = args.keep
        finally:
            stops.deaf()  # the first signal has made it deaf already; nothing may cut off what follows
    finally:
        left = demo.keep() if kept else demo.end()
        view.close()
        if left:
            output.say(f"labd demo: could not be removed: {left}")
    code = _judge(args, demo, facts, view.seconds, demo.folder if kept else "")
    return exits.FAILED if left else code


def _judge(args: argparse.Namespace, demo: Any, facts: Any, seconds: float, kept: str) -> int:
    from labd.demo import summary
    from labd.demo.curve import ink_for
    from labd.demo.runs import ranked
    from labd.demo.verdict import untrue

    wrong, runs, term = untrue(facts), list(demo.sweep.runs.values()), output.screen()
    if args.json:
        output.emit(**summary.as_json(facts, wrong, runs, seconds, kept))
    else:
        tools = summary.Tools(_program("labd", "labd"), _program("labctl", "labd.cli.labctl"))
        output.show([
            "",
            *summary.results(runs, args.epochs, term, ink_for(sys.stdout.encoding)),
            "",
            *summary.verdict_lines(wrong, facts, term),
            *summary.next_steps(tools, ranked(runs)[0], kept, demo.pid, term),
        ])  # fmt: skip
    return exits.FAILED if wrong else exits.OK


def _program(name: str, module: str) -> str:
    """How *name* is called from here: by its name where the shell finds it, else by where it lies."""
    beside, found = os.path.join(os.path.dirname(sys.executable), name), shutil.which(name)
    if not os.path.exists(beside):
        return shlex.join([sys.executable, "-m", module])
    return name if found and os.path.samefile(found, beside) else shlex.quote(beside)
