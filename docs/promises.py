"""The generated page of promises: each with the tests that hold it, found by their names."""

import re
from collections.abc import Iterator
from pathlib import Path

from docs.words import PROMISES

ROOT = Path(__file__).parents[1]
NAME = re.compile(r"^(?:async )?def test_r(\d+)_(\w+)\(", re.MULTILINE)


def promises() -> str:
    """Every promise that has tests, and their names as sentences."""
    held = _tests()
    return "\n\n".join(_promise(number, held[number]) for number in PROMISES if number in held)


def unheld() -> str:
    """The promises that no test is named after."""
    held = _tests()
    rest = [f"* R{number}: {text}" for number, text in PROMISES.items() if number not in held]
    return "\n".join(rest) or "None."


def _promise(number: int, tests: list[tuple[str, str]]) -> str:
    shown = [f"* {words.replace('_', ' ')} ([{file}](../../{file}))" for file, words in tests]
    return "\n".join([f"### R{number}", "", PROMISES[number], "", *shown])


def _tests() -> dict[int, list[tuple[str, str]]]:
    found: dict[int, list[tuple[str, str]]] = {}
    for number, file, words in _named():
        found.setdefault(number, []).append((file, words))
    return found


def _named() -> Iterator[tuple[int, str, str]]:
    for path in sorted((ROOT / "tests").rglob("test_*.py")):
        for number, words in NAME.findall(path.read_text()):
            yield int(number), str(path.relative_to(ROOT)), words
