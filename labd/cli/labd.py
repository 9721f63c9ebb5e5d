"""``labd``: the daemon and what goes with it. Each command's module is imported when it is named."""

import argparse
import importlib
import sys
from collections.abc import Sequence
from typing import NoReturn

from labd.cli.guard import guard
from labd.cli.suggest import hint
from labd.errors import UsageError

COMMANDS = {
    "run": "run the daemon in the foreground (what labd does when no command is given)",
    "tui": "the machine and its jobs, over the whole terminal",
    "demo": "see it work: training runs that survive the death of their daemon",
    "service": "install labd as a service of systemd, remove it, or say how it stands",
    "backup": "copy the state to a file, also while the daemon runs",
    "restore": "make a state directory from such a file",
    "doctor": "check that all is well here, also without a daemon",
    "config": "check, show or describe the configuration",
    "plugins": "start a plugin of your own",
    "man": "show or write manual pages",
}

EPILOG = """examples:
  labd demo                            see what labd does, in about a minute
  labd                                 run a daemon of your own with built-in defaults
  labd --config etc/labd.toml          run it with a configuration
  labd -o resources.cores=4            the same with one setting from here
  labd config check                    look for mistakes without starting anything
  labd plugins new dice                begin a plugin, with tests

labctl submits and watches jobs: see labctl --help.
"""


GLOBAL = ("--config", "-o", "--option", "--safe", "--strict-plugins")


class Manners(argparse.ArgumentParser):
    """A parser, and parsers of commands, whose mistakes are told like those of labctl."""

    def error(self, message: str) -> NoReturn:
        unknown = message.partition("unrecognized arguments: ")[2].partition(" ")[0]
        before = f"{unknown} stands before the command: labd {unknown} ..." if unknown in GLOBAL else ""
        raise UsageError(message.removeprefix("argument "), hint=before or f"see `{self.prog} --help`")

    def _check_value(self, action: argparse.Action, value: object) -> None:
        known = [str(choice) for choice in action.choices or ()]
        if known and value not in known:
            name = action.metavar or action.dest
            raise UsageError(
                f"{name}: there is no {value!r}",
                hint=hint(str(value), known, "there are: " + ", ".join(known)),
            )


def parser() -> argparse.ArgumentParser:
    top = Manners(
        prog="labd",
        description="One daemon for a lab machine: jobs that survive it, one ledger of cores, memory, GPUs.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    top.add_argument("--config", metavar="FILE", help="the configuration file")
    top.add_argument(
        "-o", "--option", metavar="SECTION.KEY=VALUE", action="append", default=[], help="set one setting"
    )
    top.add_argument("--safe", action="store_true", help="load no third-party plugin")
    top.add_argument(
        "--strict-plugins", action="store_true", help="end with an error when a plugin does anything wrong"
    )
    top.add_argument("--version", action="store_true", help="print the version and leave")
    return top


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code."""
    words = list(sys.argv[1:] if argv is None else argv)
    return guard("labd", lambda: _main(words), lambda: "--json" in words)


def _main(argv: list[str]) -> int:
    top = parser()
    commands = top.add_subparsers(dest="command", metavar="COMMAND")
    named = next((word for word in argv if word in COMMANDS), "run")
    for name, text in COMMANDS.items():
        if name == named:
            importlib.import_module(f"labd.cli.commands.{name}").add_parser(commands)
        else:
            commands.add_parser(name, help=text)
    args = top.parse_args(argv)
    if args.version:
        return _print_version()
    return int(importlib.import_module(f"labd.cli.commands.{args.command or 'run'}").run(args))


def _print_version() -> int:
    from importlib.metadata import version

    print(f"labd {version('labd')}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
