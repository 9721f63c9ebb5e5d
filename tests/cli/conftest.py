"""labctl against a scripted daemon, in this process."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from labd.cli import labctl
from tests.cli.fake import NOW, FakeDaemon


class Ran(NamedTuple):
    code: int
    out: str
    err: str


Labctl = Callable[..., Ran]


@pytest.fixture
def daemon(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeDaemon]:
    found = FakeDaemon(str(tmp_path / "s"))
    monkeypatch.setenv("LABD_SOCKET", found.path)
    yield found
    found.stop()


@pytest.fixture
def run(
    daemon: FakeDaemon, monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes]
) -> Labctl:
    """Run labctl with some words; the wall clock stands still."""
    monkeypatch.setattr(time, "time", lambda: NOW)
    for name in ("COLUMNS", "NO_COLOR", "CLICOLOR", "CLICOLOR_FORCE", "LABD_DEBUG"):
        monkeypatch.delenv(name, raising=False)

    def labctl_(*words: str) -> Ran:
        code = labctl.main(list(words))
        out, err = capfdbinary.readouterr()
        return Ran(code, out.decode(errors="replace"), err.decode())

    return labctl_


@pytest.fixture
def utc(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()
