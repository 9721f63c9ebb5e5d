"""inotify under trio: parsing at every split, and the two events that tell of an attempt's end."""

import errno
import os
import shutil
import signal
import struct
from pathlib import Path

import pytest
import trio

from labd.errors import Overloaded
from labd.jobs import attempts, watch
from labd.jobs.watch import CLOSE_WRITE, CREATE, IGNORED, MOVED_TO, OVERFLOW, Event, Watcher
from tests.jobs.shim.support import answer, ask, order, running_zygote
from tests.support import wait_until_async


def _packed(wd: int, mask: int, name: bytes) -> bytes:
    padded = name + b"\0" * (16 - len(name) % 16) if name else b""
    return struct.pack("iIII", wd, mask, 0, len(padded)) + padded


STREAM = _packed(1, CREATE, b"started") + _packed(2, IGNORED, b"") + _packed(1, MOVED_TO, b"\xff" * 17)
EVENTS = [Event(1, CREATE, "started"), Event(2, IGNORED, ""), Event(1, MOVED_TO, "\udcff" * 17)]


def test_events_are_read_at_every_split() -> None:
    for cut in range(len(STREAM) + 1):
        first, rest = watch.parse(STREAM[:cut])
        second, left = watch.parse(rest + STREAM[cut:])
        assert first + second == EVENTS
        assert left == b""


def test_events_are_read_byte_by_byte() -> None:
    events, rest = [], b""
    for byte in STREAM:
        found, rest = watch.parse(rest + bytes([byte]))
        events += found
    assert events == EVENTS


@pytest.fixture
async def watcher(nursery: trio.Nursery) -> Watcher:
    watcher = Watcher()
    await nursery.start(watcher.run)
    return watcher


@pytest.mark.real
async def test_callbacks_hear_what_they_asked_for(watcher: Watcher, tmp_path: Path) -> None:
    heard: list[str] = []
    with watcher.add(str(tmp_path), CREATE, lambda event: heard.append(event.name)):
        (tmp_path / "a").write_text("x")
        (tmp_path / "b").write_text("x")
        await wait_until_async(lambda: len(heard) == 2)
    assert heard == ["a", "b"]
    assert watcher.statistics() == (0, 2, 0)


@pytest.mark.real
async def test_two_watches_of_one_folder_live_and_end_apart(watcher: Watcher, tmp_path: Path) -> None:
    first: list[str] = []
    second: list[str] = []
    one = watcher.add(str(tmp_path), CREATE, lambda event: first.append(event.name))
    watcher.add(str(tmp_path), CLOSE_WRITE, lambda event: second.append(event.name))
    (tmp_path / "a").write_text("x")
    await wait_until_async(lambda: (first, second) == (["a"], ["a"]))
    one.close()
    one.close()
    (tmp_path / "b").write_text("x")
    await wait_until_async(lambda: second == ["a", "b"])
    assert first == ["a"]


@pytest.mark.real
async def test_a_callback_may_close_its_neighbour(watcher: Watcher, tmp_path: Path) -> None:
    heard: list[str] = []
    watcher.add(str(tmp_path), CREATE, lambda event: other.close())
    other = watcher.add(str(tmp_path), CREATE, lambda event: heard.append(event.name))
    (tmp_path / "a").touch()
    await wait_until_async(lambda: watcher.statistics().events == 1)
    assert heard == []


@pytest.mark.real
async def test_a_folder_that_goes_is_told_and_forgotten(watcher: Watcher, tmp_path: Path) -> None:
    masks: list[int] = []
    folder = tmp_path / "f"
    folder.mkdir()
    gone = watcher.add(str(folder), CREATE, lambda event: masks.append(event.mask))
    shutil.rmtree(folder)
    await wait_until_async(lambda: masks == [IGNORED])
    assert watcher.statistics().folders == 0
    gone.close()


def test_an_overflow_makes_everybody_look(tmp_path: Path) -> None:
    rescans: list[bool] = []
    masks: list[int] = []
    watcher = Watcher(lambda: rescans.append(True))
    for name in "ab":
        (tmp_path / name).mkdir()
        watcher.add(str(tmp_path / name), CREATE, lambda event: masks.append(event.mask))
    watcher._dispatch(Event(-1, OVERFLOW, ""))
    assert (rescans, masks, watcher.statistics().overflows) == ([True], [OVERFLOW, OVERFLOW], 1)
    watcher.close()
    watcher.close()


@pytest.mark.real
async def test_what_a_callback_raises_comes_out_and_the_rest_is_kept(tmp_path: Path) -> None:
    heard: list[str] = []

    def hear(event: Event) -> None:
        heard.append(event.name)
        if event.name == "a":
            raise ValueError("a")

    watcher = Watcher()
    watcher.add(str(tmp_path), CREATE, hear)
    (tmp_path / "a").touch()
    (tmp_path / "b").touch()
    with pytest.raises(ValueError, match="a"):
        await watcher.run()
    with trio.move_on_after(0.01):
        await watcher.run()
    assert heard == ["a", "b"]
    watcher.close()


def test_what_cannot_be_watched_is_named(tmp_path: Path) -> None:
    watcher = Watcher()
    with pytest.raises(FileNotFoundError, match="nowhere"):
        watcher.add(str(tmp_path / "nowhere"), CREATE, print)
    watcher.close()


def test_the_kernels_limit_is_said_with_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ctypes.get_errno", lambda: errno.ENOSPC)
    with pytest.raises(Overloaded, match="no more folders: /x") as caught:
        watch._check(-1, "/x")
    assert "max_user_watches" in caught.value.hint


@pytest.mark.real
@pytest.mark.parametrize("adopted", [False, True])
@pytest.mark.parametrize("killed", [False, True])
async def test_r2_one_watch_tells_of_exit_and_of_the_shims_death(
    watcher: Watcher, tmp_path: Path, adopted: bool, killed: bool
) -> None:
    path, heard = attempts.folder(str(tmp_path), 1, 1), list[tuple[str, str]]()

    def hear(event: Event) -> None:
        if event.name in ("exit", "lock"):
            heard.append((event.name, attempts.inspect(path).kind))

    lock = attempts.prepare(path, order("sleep", "600"))
    if not adopted:
        watcher.add(path, MOVED_TO | CLOSE_WRITE, hear)
    with running_zygote() as zygote:
        ask(zygote, path, lock)
        shim = answer(zygote)["pid"]
        await wait_until_async(lambda: attempts.inspect(path).started)
    if adopted:
        watcher.add(path, MOVED_TO | CLOSE_WRITE, hear)
    assert heard == []
    if killed:
        os.kill(shim, signal.SIGKILL)
    else:
        attempts.cancel(path, 0.0)
    last = ("lock", "lost" if killed else "exited")
    await wait_until_async(lambda: last in heard)
    assert heard == ([last] if killed else [("exit", "exited"), last])
