"""``labd tui``: the machine and its jobs, over the whole terminal."""

import argparse
import importlib
import os
import sys
from typing import Any

from labd.cli.far import far
from labd.errors import UsageError

ABOUT = """\
The whole machine at a glance, live: what runs and what waits, logs, curves, maps, plugins, events. Keys
steer jobs and plugins; what can be taken back is done at once, the rest is asked for. It is a client like
labctl: it may be left at any time, and goes on by itself when labd was restarted. ? shows the keys."""

THEMES = ("dark", "light", "contrast")
PAGES = ("overview", "jobs", "logs", "maps", "models", "plugins", "events", "panels")


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = commands.add_parser(
        "tui", help="the machine and its jobs, over the whole terminal", description=ABOUT,
        formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False,
    )  # fmt: skip
    parser.add_argument("--socket", metavar="PATH", help="the daemon's socket ($LABD_SOCKET, and as labctl)")
    parser.add_argument("--page", choices=PAGES, default="overview", help="what is shown first")
    parser.add_argument("--theme", choices=THEMES, help="how it looks (tui.toml, else dark)")
    parser.add_argument("--no-mouse", action="store_true", help="leave the mouse to the terminal")
    parser.add_argument(
        "--serve", metavar="PORT", nargs="?", type=int, const=0,
        help="show it to browsers of this machine; prints the address, which is a secret (a free port)",
    )  # fmt: skip
    parser.add_argument("-H", "--host", metavar="HOST", help="the labd of HOST, over ssh ($LABD_HOST)")
    parser.add_argument("--ssh", metavar="COMMAND", help="how -H gets there ($LABD_SSH)")
    parser.add_argument("--remote-labctl", metavar="PATH", help="labctl there ($LABD_REMOTE_LABCTL)")


def run(args: argparse.Namespace) -> int:
    """Show it until it is left. Raises UsageError where there is no terminal, ConfigError."""
    there = far(vars(args), os.environ)
    if args.serve is not None:
        return int(_start().serve(_options(args), args.serve))
    if not (_terminal() or os.environ.get("TEXTUAL_DRIVER")):
        raise UsageError("labd tui needs a terminal", hint="labctl status and labctl top print into pipes")
    return int(_start().run(args.socket, args.theme, args.page, mouse=not args.no_mouse, far=there))


def _start() -> Any:
    return importlib.import_module("labd.tui.start")  # a program of its own, which stands above the commands


def _terminal() -> bool:
    return sys.stdin.isatty() and sys.stdout.isatty()


def _options(args: argparse.Namespace) -> list[str]:
    """What was given, for the processes behind the pages of browsers."""
    names = ("socket", "page", "theme", "host", "ssh", "remote_labctl")
    given = {name.replace("_", "-"): getattr(args, name) for name in names}
    return [f"--{name}={value}" for name, value in given.items() if value is not None]
