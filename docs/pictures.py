"""The pictures of the documentation, from real runs in a terminal: ``python -m docs.pictures``.

Nothing in them is drawn by hand: a command runs in a pseudo terminal of 80 columns and 24 lines, and what
its screen shows becomes an SVG.
"""

import fcntl
import html
import os
import pty
import re
import struct
import sys
import termios
from collections.abc import Iterator
from pathlib import Path

from rich.console import Console
from rich.text import Text

from docs.screen import Screen

COLUMNS, ROWS = 80, 24
IMAGES = Path(__file__).parent / "images"


def screens(*command: str) -> Iterator[list[str]]:
    """What the screen shows after each piece that *command* writes. Raises RuntimeError if it fails."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.execvpe(command[0], command, _environment())
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
    screen = Screen(COLUMNS, ROWS)
    try:
        for text in _written(terminal):
            screen.feed(text)
            yield screen.rows()
    finally:
        os.close(terminal)  # a command that still runs is told by SIGHUP
    if code := os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]):
        raise RuntimeError(f"{' '.join(command)} ended with {code}:\n" + "\n".join(screen.rows()))


def _environment() -> dict[str, str]:
    kept = {
        name: value for name, value in os.environ.items() if not re.match("LABD_|NO_COLOR|CLICOLOR", name)
    }
    return kept | {"TERM": "xterm-256color", "COLUMNS": str(COLUMNS), "LINES": str(ROWS), "LC_ALL": "C.UTF-8"}


def _written(terminal: int) -> Iterator[str]:
    """What is written to *terminal*, cut where no control sequence and no picture is torn."""
    rest = b""
    while data := _read(terminal):
        rest += data
        whole = rest.rfind(b"\n") + 1
        yield rest[:whole].decode()
        rest = rest[whole:]
    yield rest.decode()


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 65536)
    except OSError:  # how Linux says that nobody writes there any more
        return b""


def demo() -> list[str]:
    """``labd demo`` at the moment that it is about: a new daemon, and the old processes train on."""
    told = [rows for rows in screens(sys.executable, "-m", "labd", "demo") if _train_on(rows)]
    return told[-1]


def _train_on(rows: list[str]) -> bool:
    """Whether the runs that outlived the daemon are named, and are running in the table above."""
    plain = [re.sub(r"\x1b\[[0-9;]*m", "", row) for row in rows]
    survivors = re.findall(r"went on: the same process \((?:pid )?(\d+)\)", "\n".join(plain))
    running = {word for row in plain if " running " in row for word in row.split()}
    return plain[0].startswith("labd demo") and len(survivors) == 2 and running.issuperset(survivors)


def svg(rows: list[str], title: str) -> str:
    """The screen as a picture."""
    with open(os.devnull, "w") as nowhere:
        console = Console(
            record=True, width=COLUMNS, file=nowhere, force_terminal=True, color_system="standard"
        )
        for row in rows:
            console.print(Text.from_ansi(row), no_wrap=True, soft_wrap=True)
    return console.export_svg(title=title, unique_id="labd")


def shown(picture: str) -> list[str]:
    """The lines of text in a picture that :func:`svg` made."""
    lines: dict[str, str] = {}
    for place, text in re.findall(
        r'<text class="labd-r\d+" x="[\d.]+" y="([\d.]+)"[^>]*>(.*?)</text>', picture
    ):
        lines[place] = lines.get(place, "") + html.unescape(text).replace("\xa0", " ").rstrip("\n")
    return list(lines.values())


def main() -> int:
    """Make every picture anew."""
    IMAGES.mkdir(exist_ok=True)
    (IMAGES / "demo.svg").write_text(svg(demo(), "labd demo"))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
