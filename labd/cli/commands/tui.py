"""``labd tui``: the machine and its jobs, over the whole terminal."""

import argparse
import importlib
import sys

from labd.errors import UsageError

ABOUT = """\
The whole machine at a glance, live: what runs and what waits, logs, curves, maps, plugins, events. Keys
steer jobs and plugins; what can be taken back is done at once, the rest is asked for. It is a client like
labctl: it may be left at any time, and goes on by itself when labd was restarted. ? shows the keys."""

THEMES = ("dark", "light", "contrast")
PAGES = ("overview", "jobs", "logs", "maps", "plugins", "events", "panels")


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = commands.add_parser(
        "tui", help="the machine and its jobs, over the whole terminal", description=ABOUT,
        formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False,
    )  # fmt: skip
    parser.add_argument("--socket", metavar="PATH", help="the daemon's socket ($LABD_SOCKET, and as labctl)")
    parser.add_argument("--page", choices=PAGES, default="overview", help="what is shown first")
    parser.add_argument("--theme", choices=THEMES, help="how it looks (tui.toml, else dark)")
    parser.add_argument("--no-mouse", action="store_true", help="leave the mouse to the terminal")


def run(args: argparse.Namespace) -> int:
    """Show it until it is left. Raises UsageError where there is no terminal, ConfigError."""
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise UsageError("labd tui needs a terminal", hint="labctl status and labctl top print into pipes")
    start = importlib.import_module("labd.tui.start")  # a program of its own, which stands above the commands
    return int(start.run(args.socket, args.theme, args.page, mouse=not args.no_mouse))
