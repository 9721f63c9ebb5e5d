"""``labctl``: asks the daemon. Imports one command's module, and nothing heavy, ever.

A command is a module with ``HELP``, ``EXAMPLES``, ``add_arguments(parser)`` and
``run(args, connect) -> exit code``; :mod:`labd.cli.names` lists them. With ``STATES`` completion offers
only jobs in these.
"""

import os
import sys
from collections.abc import Mapping
from types import ModuleType
from typing import Any

from labd.cli import exits, names, suggest
from labd.cli.connect import Connect
from labd.cli.far import far
from labd.cli.guard import guard
from labd.cli.options import add_reach
from labd.cli.parser import Parser, Words, add_globals, examples
from labd.errors import LabdError, NotFound, UsageError

EVERYWHERE = ("host", "socket", "timeout")
"""Options that stand before or after the command."""

ABOUT = "Ask labd, the daemon of this machine: run jobs, see them, end them."


def main(argv: Words | None = None) -> int:
    """Run one command and return its exit code."""
    words = sys.argv[1:] if argv is None else argv
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")  # a name in another script must not end labctl
    return guard("labctl", lambda: _run(words), lambda: _wants_json(words))


def _run(words: Words) -> int:
    root = root_parser()
    options, rest = root.split(words)
    args = root.read(options)
    if args.version:
        return _version()
    if args.stdio:
        return _stdio(args)
    if args.help or not rest:
        print(overview(), file=sys.stdout if args.help else sys.stderr)
        return exits.OK if args.help else exits.USAGE
    return run_command(rest[0], rest[1:], args)


def _wants_json(words: Words) -> bool:
    """Whether errors are to be JSON; for words that may not even parse."""
    _, rest = root_parser().split(words)
    if rest[:1] == ["submit"]:  # what follows its options is somebody else's
        rest, _ = command_parser("submit", load("submit")).split(rest[1:])
    return "--json" in rest


def run_command(name: str, words: Words, args: object) -> int:
    """Run the command *name* with *words*, its options and arguments. Raises UsageError."""
    if name == "__complete":
        from labd.cli.commands.completion import complete

        return complete(words, _connect({"timeout": 2.0, **vars(args)}).silent())
    if name == "__login":
        from labd.cli.login import tell

        return tell()
    module = load(name)
    parser = command_parser(name, module)
    parser.set_defaults(**{option: value for option, value in vars(args).items() if option in EVERYWHERE})
    reader = getattr(module, "read", Parser.read)
    found = reader(parser, words)
    try:
        code: int = module.run(found, _connect({**vars(args), **vars(found)}))
    except NotFound as error:
        if name not in names.COMMANDS and error.message.startswith("there is no method"):
            error.hint = "`labctl plugins` shows whether its plugin is loaded"
        raise
    return code


def _connect(given: Mapping[str, Any]) -> Connect:
    """What reaches the daemon that the options *given* name. Raises UsageError."""
    return Connect(given.get("socket"), given.get("timeout"), far(given, os.environ))


def _stdio(args: Any) -> int:
    from labd.cli.stdio import relay
    from labd.paths import client_socket

    return relay(client_socket(getattr(args, "socket", None)))


def load(name: str) -> ModuleType:
    """The module of a command: labd's own, else one that another distribution adds. Raises UsageError."""
    if name in names.COMMANDS:
        from importlib import import_module

        return import_module(f"labd.cli.commands.{names.MODULES.get(name, name)}")
    from labd.cli.extra import find, listed

    module = find(name)
    if module is None:
        known = [*names.COMMANDS, *listed()]
        raise UsageError(f"there is no command {name}", hint=suggest.hint(name, known, "see `labctl --help`"))
    return module


def command_parser(name: str, module: ModuleType) -> Parser:
    """The parser of one command."""
    shown = examples(getattr(module, "EXAMPLES", []))
    parser = Parser(f"labctl {name}", module.HELP, shown, getattr(module, "USAGE", None))
    module.add_arguments(parser)
    add_globals(parser)
    return parser


def root_parser() -> Parser:
    """The options before the command."""
    parser = Parser("labctl", add_help=False)
    parser.add_argument("-h", "--help", action="store_true")
    parser.add_argument("--version", action="store_true")
    add_globals(parser)
    add_reach(parser)
    return parser


def overview() -> str:
    """What ``labctl --help`` prints."""
    from labd.cli.extra import listed

    return f"""usage: labctl [-H HOST] [--socket PATH] [--timeout S] COMMAND ...

{ABOUT}

{names.overview(listed())}

Options:
  -H, --host HOST       ask the labd of HOST, over ssh ($LABD_HOST)
  --ssh COMMAND         how -H gets there, as in "ssh -p 2222" ($LABD_SSH)
  --remote-labctl PATH  labctl there ($LABD_REMOTE_LABCTL)
  --socket PATH         the daemon's socket
  --timeout S           longest wait for an answer of the daemon (60 s)
  --version             print the version of labd
  -h, --help            print this, or the help of a command

`labctl COMMAND --help` explains one, `labctl help exit-codes` the exit codes."""


def _version() -> int:
    try:
        from labd import __version__
    except ImportError as error:  # a tree that was never installed
        raise LabdError("labd is not installed, so it has no version") from error
    print(f"labctl {__version__}")
    return exits.OK


if __name__ == "__main__":
    raise SystemExit(main())
