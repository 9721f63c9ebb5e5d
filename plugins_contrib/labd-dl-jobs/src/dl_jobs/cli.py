"""The command ``dl_jobs``: run, config and test."""

import sys

from labd.cli import dljob
from labd.cli.guard import guard
from labd.cli.parser import Parser, Words
from labd.cli.suggest import hint
from labd.dljob import commands
from labd.dljob.journal import Console
from labd.errors import UsageError

RUN = """method: module_name or full method <module_name.method_name>

args: list of args (ie. arg1 arg2 arg3)

kwargs: list of kwargs (ie. kwarg1=value1 kwarg2=value2)

All options can be set in the config file. The values false, none, no, null, f, n and 0 are False, all others
True."""
CONFIG = """generates config file

Pass kwargs to preset defaults in the config file (ie noisy=False)."""
TEST = """launches tasks that return their args, kwargs and options as JSON"""
COMMANDS = {"run": RUN, "config": CONFIG, "test": TEST}
USAGE = {
    "run": "dl_jobs run [OPTIONS] METHOD [ARGS] [KWARGS]",
    "config": "dl_jobs config [OPTIONS] [KWARGS]",
    "test": "dl_jobs test [OPTIONS] NB_JOBS [ARGS] [KWARGS]",
}


def main(argv: Words | None = None) -> int:
    """Run one command and return its exit code."""
    words = sys.argv[1:] if argv is None else argv
    return guard("dl_jobs", lambda: _main(words), lambda: False)


def _main(words: Words) -> int:
    if not words or words[0] in ("-h", "--help"):
        print("\n".join(["usage:", *(f"  {line}" for line in USAGE.values())]))
        return 0 if words else 2
    name, *rest = words
    if name not in COMMANDS:
        raise UsageError(f"there is no command {name}", hint=hint(name, COMMANDS, "run, config, test"))
    return _command(name, rest)


def _command(name: str, words: Words) -> int:
    parser = _parser(name)
    args = dljob.read(parser, words)
    if name == "config":
        return dljob.config(args, args.words)
    options = dljob.options(args)
    if name == "test":
        return commands.test(args.words, options, Console())
    if not args.words:
        raise UsageError("METHOD is missing", hint="as in: dl_jobs run module.method arg key=value")
    return commands.run(args.words[0], args.words[1:], options, Console())


def _parser(name: str) -> Parser:
    parser = Parser(f"dl_jobs {name}", COMMANDS[name], usage=USAGE[name])
    parser.add_argument("words", metavar="ARGS", nargs="*", help="args, and kwargs as name=value")
    if name == "config":
        dljob.add_config_options(parser)
    else:
        dljob.add_run_options(parser)
    return parser
