"""A project with modules of its own, in a folder that is the current one."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from labd.dljob.journal import Console

Write = Callable[..., Path]


class Heard(Console):
    """Keeps what a job says."""

    def __init__(self) -> None:
        super().__init__()
        self.said: list[str] = []
        self.results: list[tuple[int, object]] = []
        self.errors: list[tuple[int, object]] = []

    def talk(self, text: str) -> None:
        self.said.append(text)

    def result(self, task: int, value: object) -> None:
        self.results.append((task, value))

    def error(self, task: int, value: object) -> None:
        self.errors.append((task, value))


@pytest.fixture
def heard() -> Heard:
    return Heard()


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Write]:
    """Writes a module by its name; what was imported of the project is forgotten after the test."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("PROJECT_DIR", raising=False)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    before = set(sys.modules)

    def write(name: str, text: str) -> Path:
        path = tmp_path / (name.replace(".", "/") + ".py")
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
        return path

    yield write
    for name in set(sys.modules) - before:
        if str(tmp_path) in str(getattr(sys.modules[name], "__path__", sys.modules[name])):
            del sys.modules[name]
