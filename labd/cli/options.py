"""Options that several commands of labctl share, besides those that all of them have."""

from typing import TYPE_CHECKING

from labd.cli.parser import Parser, checked

if TYPE_CHECKING:
    from labd.cli.template import Csv, Template


def add_reach(parser: Parser) -> None:
    """The options about the way to another machine, which stand before the command."""
    parser.add_argument("--ssh", metavar="COMMAND", help='how -H gets there, as in "ssh -p 2222" ($LABD_SSH)')
    parser.add_argument(
        "--remote-labctl", metavar="PATH", help="labctl there ($LABD_REMOTE_LABCTL; default: labctl)"
    )
    parser.add_argument(
        "--stdio",
        action="store_true",
        help="carry bytes between stdin, stdout and the socket: what -H runs there",
    )


def add_dry_run(parser: Parser) -> None:
    """``--dry-run``, for a command that changes jobs."""
    parser.add_argument(
        "--dry-run", action="store_true", help="check and say what would happen; change nothing"
    )


def add_format(parser: Parser) -> None:
    """``--format``, for a command that prints records."""
    parser.add_argument(
        "--format", metavar="FORMAT", type=_template,
        help="print each as FORMAT says: '{id} {name:>12}' with the fields of --json, or csv for all",
    )  # fmt: skip


def _template(text: str) -> "Template | Csv":
    from labd.cli.template import CSV, Csv, Template

    return Csv() if text == CSV else checked(Template, text)
