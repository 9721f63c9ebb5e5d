"""``#LABD --cpus 2`` lines: options that a script carries at its top.

They count in the comment block before the first line of code, as ``#SBATCH`` lines do. The command
line wins over them.
"""

import argparse
import shlex
from typing import NamedTuple

from labd.cli.parser import Parser
from labd.errors import UsageError

MARK = "#LABD"

ONLY_TYPED = frozenset({
    "--script", "--wait", "--follow", "-f", "--dry-run", "--json", "--quiet", "-q", "--key", "--format",
    "--socket", "--timeout", "-h", "--help", "-H", "--host",
})  # fmt: skip
"""Options about the submission itself, not about the job."""


class Directive(NamedTuple):
    place: str
    words: list[str]


def directives(text: str, source: str) -> tuple[list[Directive], list[str]]:
    """The directives at the top of *text*, and the places of those that stand too far down.

    Raises UsageError for a quotation without an end.
    """
    found: list[Directive] = []
    late: list[str] = []
    on_top = True
    for number, line in enumerate(text.splitlines(), start=1):
        on_top = on_top and (line.startswith("#") or not line.strip())
        if line == MARK or line.startswith((MARK + " ", MARK + "\t")):
            place = f"{source}:{number}"
            if on_top:
                found.append(Directive(place, _words(line, place)))
            else:
                late.append(place)
    return found, late


def _words(line: str, place: str) -> list[str]:
    try:
        return shlex.split(line[len(MARK) :], comments=True)
    except ValueError as error:
        raise UsageError(f"{place}: {error}".lower(), hint="close the quotation on the same line") from error


def apply(parser: Parser, found: list[Directive]) -> argparse.Namespace:
    """The options of all directives, later ones winning. Raises UsageError that names the line."""
    args = argparse.Namespace()
    for place, words in found:
        try:
            args = _read(parser, words, args)
        except UsageError as error:
            raise UsageError(f"{place}: {error.message}", hint=error.hint) from error
    return args


def _read(parser: Parser, words: list[str], into: argparse.Namespace) -> argparse.Namespace:
    options, rest = parser.split(words)
    typed = [name for word in options if (name := word.partition("=")[0]) in ONLY_TYPED]
    if typed:
        raise UsageError(f"{typed[0]} works on the command line only", hint="take it out of the script")
    args = parser.read(options, into)
    if rest:
        raise UsageError(f"{rest[0]} is no option", hint="a #LABD line holds options only")
    return args
