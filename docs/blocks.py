"""Code blocks of the documentation that tests run.

The info string of a fence says what is done with it::

    ```console run             lines that start with "$ " are commands; the others are what they print
    ```console run exit=3      the last command leaves with 3, the others with 0
    ```console background      the command goes on running, in a terminal of its own
    ```python run              a Python script
    ```python file=train.py    a file, written where the commands run
    ```console install=FOLDER  the distribution in FOLDER is there from now on, as after pip install -e
    ```toml config             a configuration file, to be checked

In what a command prints, ``...`` stands for anything, and runs of spaces count as one.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

FENCE = re.compile(r"^```(\w*) ?([^\n]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


class Block(NamedTuple):
    """One fenced block: its language, the words after that, its text, and the line it begins at."""

    language: str
    words: tuple[str, ...]
    text: str
    line: int

    def value(self, name: str) -> str:
        """What stands after ``name=`` in the info string; empty when nothing does."""
        found = [word.partition("=")[2] for word in self.words if word.startswith(f"{name}=")]
        return found[0] if found else ""


class Step(NamedTuple):
    """One command, the exit code it must leave with, and what it must print (None: not looked at)."""

    command: str
    exit_code: int
    output: str


def blocks(page: Path) -> list[Block]:
    """Every fenced block of *page*, in order."""
    text = page.read_text()
    found = FENCE.finditer(text)
    return [Block(m[1], tuple(m[2].split()), m[3], text.count("\n", 0, m.start()) + 1) for m in found]


def steps(block: Block) -> Iterator[Step]:
    """The commands of a console block with what each prints."""
    parts = re.split(r"^\$ ", block.text, flags=re.MULTILINE)[1:]
    for number, part in enumerate(parts, start=1):
        lines = part.splitlines()
        count = 1
        while lines[count - 1].endswith("\\"):
            count += 1
        last = number == len(parts)
        expected = int(block.value("exit") or 0) if last else 0
        yield Step("\n".join(lines[:count]), expected, "\n".join(lines[count:]))


def differs(expected: str, printed: str) -> bool:
    """Whether *printed* is something else than the documentation says."""
    pattern = ".*".join(re.escape(_even(part)) for part in expected.strip().split("..."))
    return re.fullmatch(pattern.replace("\\ ", " "), _even(printed.strip()), re.DOTALL) is None


def _even(text: str) -> str:
    return re.sub(r"[ \t]+", " ", re.sub(r"[ \t]+$", "", text, flags=re.MULTILINE))
