"""``labctl run``: the jobs that a function of the project makes."""

import argparse
from typing import Any, TextIO

from labd.cli import dljob, output
from labd.cli.connect import Connect
from labd.cli.parser import Parser, add_output
from labd.errors import UsageError

HELP = """run the jobs that a function of your project makes

The function is one of a module in the folder `run` of the project; a module alone means its `task`. It gets
the words as arguments and keywords, all as text, and returns a DLJob or a list of them. Results are printed
as JSON, one a line, and saved in `results`. `run config` writes dl_jobs.config.yaml with the defaults,
`run test N` runs N tasks that give back what they got. To run a command, use `labctl submit`.

For BOOLEAN, false, none, no, null, f, n and 0 are false, everything else is true. Without `--dev false`, or
`is_dev: false` in the file, jobs run here and not in labd."""
USAGE = """labctl run [options] MODULE.FUNCTION [ARG ...] [NAME=VALUE ...]
labctl run test [options] N [ARG ...] [NAME=VALUE ...]
labctl run config [--force BOOLEAN] [--info] [NAME=VALUE ...]"""
EXAMPLES = [
    ("labctl run scenes.find 2020 cloud=0.1", "call find of run/scenes.py, run its jobs here"),
    ("labctl run scenes.find 2020 --dev false", "in labd, if the jobs are for it"),
    ("labctl run config noisy=false", "write the config file"),
    ("labctl run test 2 a b c hello=world", "see what a task gets"),
]
read = dljob.read


def add_arguments(parser: Parser) -> None:
    parser.add_argument("method", metavar="MODULE.FUNCTION", help="which function; or `test`, or `config`")
    parser.add_argument("words", metavar="ARG", nargs="*", help="arguments, and keywords as name=value")
    dljob.add_run_options(parser)
    dljob.add_config_options(parser)
    add_output(parser, quiet="")


def run(args: argparse.Namespace, connect: Connect) -> int:
    """Raises LabdError."""
    if connect.far is not None:
        raise UsageError(
            "run takes the functions of a project here, not there", hint="use ssh to run it there"
        )
    if args.method == "config":
        return dljob.config(args, args.words)
    import sys
    from contextlib import redirect_stdout

    from labd.dljob import commands

    options, console = dljob.options(args, connect.socket), _console(args.json, sys.stdout)
    with redirect_stdout(sys.stderr):  # what functions print is talk
        if args.method == "test":
            return commands.test(args.words, options, console)
        return commands.run(args.method, args.words, options, console)


def _console(as_json: bool, out: TextIO) -> Any:
    """Results on *out*, talk on stderr."""
    from labd.dljob.journal import Console
    from labd.dljob.results import brief

    class Split(Console):
        data = True

        def talk(self, text: str) -> None:
            output.say(text)

        def result(self, task: int, value: Any) -> None:
            self.put(value)

        def error(self, task: int, value: Any) -> None:
            output.say(output.encode(brief(value)))

        def put(self, value: Any) -> None:
            print(output.encode(value), file=out, flush=True)

    class Json(Split):
        def result(self, task: int, value: Any) -> None:
            self.put({"version": output.VERSION, "task": task, "result": value})

        def error(self, task: int, value: Any) -> None:
            self.put({"version": output.VERSION, "task": task, "error": value})

        def done(self, summary: dict[str, Any]) -> None:
            self.put({"version": output.VERSION, **summary})

    return Json() if as_json else Split()
