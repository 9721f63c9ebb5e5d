"""argparse with labd's manners: short errors with hints, no abbreviations, examples below the options."""

import argparse
import os
from collections.abc import Callable
from typing import NoReturn, TypeVar

from labd.cli import suggest
from labd.errors import UsageError

Words = list[str]
T = TypeVar("T")

SMALLEST = 1024**2
"""Bytes; below this a size without a unit was meant in another."""


class Formatter(argparse.RawDescriptionHelpFormatter):
    """Help as wide as the terminal. Told its width, argparse leaves ``shutil`` unimported (5 ms)."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog, max_help_position=26, width=min(columns(), 100) - 2)

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        return filled(text, width)


class Parser(argparse.ArgumentParser):
    """A parser whose mistakes are :class:`~labd.errors.UsageError`."""

    def __init__(
        self, prog: str, about: str = "", epilog: str = "", usage: str | None = None, add_help: bool = True
    ) -> None:
        super().__init__(
            prog=prog, description=about, epilog=epilog, usage=usage,
            formatter_class=Formatter, allow_abbrev=False, add_help=add_help,
        )  # fmt: skip

    def error(self, message: str) -> NoReturn:
        raise UsageError(message.removeprefix("argument "), hint=f"see `{self.prog} --help`")

    def _check_value(self, action: argparse.Action, value: object) -> None:
        """argparse's own message lists every choice and guesses none."""
        known = [str(choice) for choice in action.choices or ()]
        if known and value not in known:
            name = "/".join(action.option_strings) or action.metavar or action.dest
            raise UsageError(
                f"{name}: there is no {value!r}", hint=suggest.hint(str(value), known, ", ".join(known))
            )

    def read(self, words: Words, into: argparse.Namespace | None = None) -> argparse.Namespace:
        """Parse *words*; what is set in *into* already counts as a default. Raises UsageError."""
        args, unknown = self.parse_known_args(words, into)
        if unknown:
            word = unknown[0].partition("=")[0]
            what = "option" if word.startswith("-") else "argument"
            hint = suggest.hint(word, self.options, f"see `{self.prog} --help`")
            raise UsageError(f"there is no {what} {word}", hint=hint)
        if getattr(args, "format", None) and getattr(args, "json", False):
            raise UsageError("--format and --json are two ways to print the same", hint="leave one out")
        return args

    @property
    def options(self) -> dict[str, argparse.Action]:
        """Every option by its name."""
        return self._option_string_actions

    def split(self, words: Words) -> tuple[Words, Words]:
        """The options at the front, and everything from the first word that is none (or ``--``) on."""
        index = 0
        while index < len(words):
            word = words[index]
            if word == "--":
                return words[:index], words[index + 1 :]
            if word == "-" or not word.startswith("-"):
                break
            action = self.options.get(word)
            index += 2 if action is not None and action.nargs is None else 1
        return words[:index], words[index:]


def add_globals(parser: Parser) -> None:
    """The options that stand before or after every command."""
    group = parser.add_argument_group("every command")
    group.add_argument(
        "-H", "--host", metavar="HOST", default=argparse.SUPPRESS,
        help="ask the labd of HOST, over ssh ($LABD_HOST); --socket is then one there",
    )  # fmt: skip
    group.add_argument(
        "--socket", metavar="PATH", default=argparse.SUPPRESS,
        help="the daemon's socket ($LABD_SOCKET, $XDG_RUNTIME_DIR/labd/labd.sock, /run/labd/labd.sock)",
    )  # fmt: skip
    if "--timeout" not in parser.options:
        group.add_argument(
            "--timeout", metavar="S", type=seconds, default=argparse.SUPPRESS,
            help="longest wait for an answer of the daemon (60 s)",
        )  # fmt: skip


def add_output(parser: Parser, quiet: str = "print ids only") -> None:
    """``--json`` and ``--quiet``."""
    parser.add_argument("--json", action="store_true", help="print one JSON object, or one a line")
    if quiet:
        parser.add_argument("-q", "--quiet", action="store_true", help=quiet)


def examples(lines: list[tuple[str, str]]) -> str:
    """The epilog that shows how a command is used."""
    if not lines:
        return ""
    width = max(len(command) for command, _ in lines)
    if width > 40:
        shown = [f"  # {why}\n  {command}" for command, why in lines]
    else:
        shown = [f"  {command:<{width}}  # {why}" for command, why in lines]
    return "Examples:\n" + "\n".join(shown)


def seconds(text: str) -> float:
    """A duration as an option takes it: ``90``, ``1h30m``."""
    from labd.units import parse_seconds

    return checked(parse_seconds, text)


def size(text: str) -> int:
    """A size in bytes as an option takes it: ``8G``."""
    from labd.units import parse_bytes

    found = checked(parse_bytes, text)
    if 0 < found < SMALLEST and text.strip().isdecimal():
        raise argparse.ArgumentTypeError(f'"{text}" is that many bytes: did you mean {text.strip()}M?')
    return found


def count(text: str) -> int:
    """A whole number above zero."""
    if not (text.isascii() and text.isdecimal() and int(text)):
        raise argparse.ArgumentTypeError(f'"{text}" is no whole number above zero')
    return int(text)


def gpus(text: str) -> int | float:
    """A number of GPUs, or a part of one."""
    try:
        number = float(text)
    except ValueError:
        number = -1.0
    if 0 <= number < 1e9 and number == int(number):
        return int(number)
    if 0 < number < 1 and round(number, 3) == number:
        return number
    raise argparse.ArgumentTypeError(
        f'"{text}" is no number of GPUs: write a whole number, or a part of one such as 0.25'
    )


def priority(text: str) -> int:
    """A priority: a whole number, below zero for what may wait."""
    try:
        return int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(
            f'"{text}" is no priority: write a whole number, as 10 or -5'
        ) from None


def checked(parse: Callable[[str], T], text: str) -> T:
    """What *parse* makes of *text*: argparse hides the words of a ValueError, and shows those of its own."""
    try:
        return parse(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def filled(text: str, width: int) -> str:
    """*text* in lines of *width*; a paragraph with indented lines, such as an example, stays as it is."""
    from textwrap import fill

    parts = text.split("\n\n")
    return "\n\n".join(
        part if "\n  " in part or part.startswith("  ") else fill(part, width, break_on_hyphens=False)
        for part in parts
    )


def columns() -> int:
    """The width of the terminal on stdout; 80 where there is none."""
    columns = os.environ.get("COLUMNS", "")
    if columns.isdecimal() and int(columns):
        return int(columns)
    try:
        return os.get_terminal_size(1).columns or 80
    except OSError:
        return 80
