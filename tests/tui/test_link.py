"""The link, against a daemon that is made up: what it asks, when it asks again, what it says of itself."""

import asyncio
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgpack
import pytest

from labd.tui import link as module
from labd.tui.link import Link
from labd.tui.store import Store
from tests.tui.house import STATUS, event, job

Answer = Callable[[dict[str, Any]], Any]


class Daemon:
    """Answers on a socket, as the protocol is published; it can be killed, and come back."""

    def __init__(self, path: Path) -> None:
        self.path, self.epoch = path, "one"
        self.asked: list[tuple[str, dict[str, Any]]] = []
        self.jobs = [job(2), job(1, "succeeded")]
        self._writers: list[asyncio.StreamWriter] = []
        self._server: asyncio.Server | None = None
        self.seq = 3

    async def start(self) -> None:
        self.path.unlink(missing_ok=True)
        self._server = await asyncio.start_unix_server(self._serve, self.path)

    async def kill(self) -> None:
        assert self._server is not None
        self._server.close()
        for writer in self._writers:
            writer.close()
        self._writers.clear()

    def tell(self, *events: dict[str, Any]) -> None:
        notice = msgpack.packb([2, "event", [{"subscription": 1, "events": list(events)}]])
        for writer in self._writers:
            writer.write(notice)

    def took(self, method: str) -> list[dict[str, Any]]:
        return [params for name, params in self.asked if name == method]

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.append(writer)
        unpacker = msgpack.Unpacker()
        while data := await _read(reader):
            unpacker.feed(data)
            for message in unpacker:
                if message[0] == 0:
                    _, number, method, params = message
                    asked = params[0] if params else {}
                    self.asked.append((method, asked))
                    writer.write(msgpack.packb([1, number, None, self._answer(method, asked)]))
        writer.close()

    def _answer(self, method: str, ask: dict[str, Any]) -> Any:
        answers: dict[str, Any] = {
            "hello": {"protocol": 1, "labd": "0", "epoch": self.epoch, "pid": 1, "user": "ada"},
            "subscribe": {
                "subscription": 1,
                "epoch": self.epoch,
                "seq": self.seq if ask.get("since") is None else ask["since"],
            },
            "daemon.status": STATUS,
            "plugin.list": {"plugins": []},
            "map.list": {"maps": []},
            "event.list": {"events": [event(3, "job.held", job=2)]},
        }
        if method == "job.list":
            found = [one for one in self.jobs if ask.get("states") is None or one["state"] in ask["states"]]
            before = ask.get("before")
            return {
                "jobs": [one for one in found if before is None or one["id"] < before][: ask["limit"]],
                "counts": {},
            }
        return answers[method]


def drive(test: Callable[[Daemon, Link], Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PAUSE", 0.01)
    monkeypatch.setattr(module, "SHARE", 0)

    async def run() -> None:
        with tempfile.TemporaryDirectory(prefix="tui-") as folder:
            daemon = Daemon(Path(folder, "s"))
            await daemon.start()
            link = Link(Store(), str(daemon.path), lambda: None)
            task = asyncio.create_task(link.run())
            try:
                await until(lambda: link.store.status and not link.store.loading and link.store.events)
                await test(daemon, link)
            finally:
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)
                await daemon.kill()
                await asyncio.sleep(0.05)

    asyncio.run(run())


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110 - the store wakes nobody here
            await asyncio.sleep(0.005)


def test_it_loads_everything_once_and_then_listens(monkeypatch: pytest.MonkeyPatch):
    async def test(daemon: Daemon, link: Link) -> None:
        assert set(link.store.jobs) == {1, 2}
        assert link.store.link.up
        assert link.store.link.resumed is None
        asked = len(daemon.asked)
        await asyncio.sleep(0.3)
        assert len(daemon.asked) == asked, "nothing polls"
        daemon.jobs = [job(2, "starting"), job(1, "succeeded")]
        daemon.tell(event(4, "job.starting", job=2, attempt=1))
        await until(lambda: link.store.jobs[2].state == "starting")
        await until(lambda: len(daemon.asked) > asked)

    drive(test, monkeypatch)


def test_jobs_are_loaded_page_by_page(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(module, "PAGE", 3)

    async def test(daemon: Daemon, link: Link) -> None:
        daemon.jobs = [job(n, "succeeded") for n in range(10, 0, -1)]
        link.refresh()
        await until(lambda: len(link.store.jobs) == 10)
        assert [ask.get("before") for ask in daemon.took("job.list") if "states" not in ask][-4:] == [
            None,
            8,
            5,
            2,
        ]

    drive(test, monkeypatch)


def test_after_a_restart_it_goes_on_from_the_last_event(monkeypatch: pytest.MonkeyPatch):
    async def test(daemon: Daemon, link: Link) -> None:
        daemon.tell(event(4, "job.starting", job=2, attempt=1))
        await until(lambda: link.store.last == 4)
        await daemon.kill()
        await until(lambda: not link.store.link.up)
        assert link.store.link.error
        await daemon.start()
        await until(lambda: link.store.link.up)
        await until(lambda: len(daemon.took("subscribe")) == 2)
        assert daemon.took("subscribe")[1]["since"] == 4
        assert link.store.link.resumed == 4
        daemon.jobs = [job(2, "running"), job(1, "succeeded")]
        daemon.tell(event(5, "job.started", job=2, attempt=1))
        await until(lambda: link.store.jobs[2].state == "running")

    drive(test, monkeypatch)


def test_another_epoch_is_another_world(monkeypatch: pytest.MonkeyPatch):
    async def test(daemon: Daemon, link: Link) -> None:
        await daemon.kill()
        daemon.epoch, daemon.jobs = "two", [job(9)]
        await daemon.start()
        await until(lambda: set(link.store.jobs) == {9})

    drive(test, monkeypatch)


def test_a_flood_makes_few_questions(monkeypatch: pytest.MonkeyPatch):
    async def test(daemon: Daemon, link: Link) -> None:
        monkeypatch.setattr(module, "PAUSE", 0.2)
        before = len(daemon.took("daemon.status"))
        for seq in range(4, 904):
            daemon.tell(event(seq, ("job.held", "job.released")[seq % 2], job=2))
        await until(lambda: link.store.last == 903)
        assert len(daemon.took("daemon.status")) - before <= 10

    drive(test, monkeypatch)


def test_calls_that_may_be_repeated_wait_for_a_daemon(monkeypatch: pytest.MonkeyPatch):
    async def test(daemon: Daemon, link: Link) -> None:
        await daemon.kill()
        await until(lambda: not link.store.link.up)
        asking = asyncio.create_task(link.answered("daemon.status"))
        await asyncio.sleep(0.05)
        assert not asking.done()
        await daemon.start()
        assert (await asking)["labd"] == "0.1.0"

    drive(test, monkeypatch)


async def _read(reader: asyncio.StreamReader) -> bytes:
    try:
        return await reader.read(65536)
    except OSError:
        return b""  # the other end is gone
