"""``labctl man`` and ``labd man``: manual pages, made from what ``--help`` says."""

import argparse
import os
from pathlib import Path
from typing import Any

from labd.cli import exits, output
from labd.cli.connect import Connect
from labd.cli.names import COMMANDS
from labd.cli.parser import Parser

HELP = """show or write manual pages

Without a COMMAND the page of labctl itself. --write makes a file of each page, in man1 below DIR, for
those who make packages; `labd man` has labd(1) and labd.toml(5)."""
EXAMPLES = [
    ("labctl man submit", "the page of a command"),
    ("labctl man --write ~/.local/share/man", "for man labctl-submit"),
]
OF_LABD = {"labd": "man1/labd.1", "labd.toml": "man5/labd.toml.5"}


def add_arguments(parser: Parser) -> None:
    parser.add_argument(
        "page",
        metavar="COMMAND",
        nargs="?",
        choices=["labctl", *COMMANDS],
        help="whose page",
        default="labctl",
    )
    parser.add_argument("--write", metavar="DIR", help="write all pages below DIR instead")


def add_parser(commands: Any) -> None:
    """Add ``labd man`` to the commands of labd."""
    parser = commands.add_parser("man", help=HELP.partition("\n")[0])
    parser.add_argument(
        "page", metavar="PAGE", nargs="?", choices=[*OF_LABD], help="labd or labd.toml", default="labd"
    )
    parser.add_argument("--write", metavar="DIR", help="write all pages below DIR instead")


def run(args: argparse.Namespace, connect: Connect | None = None) -> int:
    """Show or write pages: those of labctl when it calls, with its *connect*, and else those of labd."""
    pages, name = _of_labd(args.page) if connect is None else _of_labctl(args.page)
    if args.write is None:
        return _show(pages[name])
    for path, text in pages.items():
        _write(Path(args.write, path), text)
    output.say(f"{len(pages)} pages are in {args.write}")
    return exits.OK


def _of_labctl(page: str) -> tuple[dict[str, str], str]:
    from labd.cli import manual

    return manual.pages(), manual.file("labctl" if page == "labctl" else f"labctl-{page}")


def _of_labd(page: str) -> tuple[dict[str, str], str]:
    from labd.cli import manual_labd

    return manual_labd.pages(), OF_LABD[page]


def _show(text: str) -> int:
    """By man(1), with its pager on a terminal; without man, as plain text."""
    import subprocess

    output.flush()
    try:
        return (
            subprocess.run(["man", "-l", "-"], input=text.encode(), check=False).returncode and exits.FAILED
        )
    except FileNotFoundError:
        from labd.cli.manpage import plain

        print(plain(text), end="")
    return exits.OK


def _write(path: Path, text: str) -> None:
    os.makedirs(path.parent, exist_ok=True)
    path.write_text(text, encoding="utf-8")
