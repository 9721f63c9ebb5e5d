"""``labd tui --serve``: the interface in a browser, and what is let in."""

import http.client
import importlib.util
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import trio

from tests.chromium import PROGRAM, chromium
from tests.daemon_process import CLEAN, PATIENCE, DaemonProcess, carrying
from tests.support import wait_until

pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(importlib.util.find_spec("textual_serve") is None, reason="needs textual-serve"),
]


UPGRADE = {
    "Upgrade": "websocket",
    "Connection": "Upgrade",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA==",
}


class Served:
    """A ``labd tui --serve``, with what it started."""

    def __init__(self, folder: Path, daemon: DaemonProcess) -> None:
        self.mark = self.home = str(folder)
        env = CLEAN | {"LABD_SOCKET": daemon.socket, "HOME": str(folder), "LABD_TEST_FOLDER": self.mark}
        words = [sys.executable, "-m", "labd", "tui", "--serve", "--page", "jobs"]
        self.process = subprocess.Popen(words, env=env, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        self.address = self.process.stdout.readline().strip()

    def get(self, path: str, **headers: str) -> int:
        """The status of a request."""
        connection = http.client.HTTPConnection("127.0.0.1", urlsplit(self.address).port or 0)
        connection.request("GET", path, headers=headers)
        with connection.getresponse() as answer:
            answer.read()
        connection.close()
        return answer.status

    def page(self) -> socket.socket:
        """A WebSocket such as an open page has; what comes on it is read as it is."""
        where = urlsplit(self.address)
        made = socket.create_connection(("127.0.0.1", where.port or 0), PATIENCE)
        headers = {"Host": where.netloc, **UPGRADE}
        lines = [f"GET {where.path}ws HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
        made.sendall("\r\n".join([*lines, "", ""]).encode())
        return made

    def behind(self) -> list[int]:
        """The processes of open pages."""
        return [pid for pid in carrying(self.mark) if pid != self.process.pid]

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        assert self.process.stdout is not None
        self.process.stdout.close()
        wait_until(lambda: not self.behind(), PATIENCE)


@pytest.fixture
def served(daemon: DaemonProcess, tmp_path: Path) -> Iterator[Served]:
    one = Served(tmp_path / "served", daemon)
    yield one
    one.close()


def test_only_who_knows_the_address_is_let_in(served: Served):
    where = urlsplit(served.address)
    assert where.hostname == "127.0.0.1"
    assert served.get(where.path) == 200
    assert (
        served.get("/")
        == served.get("/x/")
        == served.get("/ws")
        == served.get("/static/css/xterm.css")
        == 404
    )
    assert served.get(where.path[:-2] + "/") == 404
    assert served.get(where.path, Host="evil.example:80") == 403
    assert served.get(where.path, Origin="http://evil.example") == 403
    assert served.get(where.path, Host="localhost:9000") == 200, "a port that ssh -L forwards"
    assert not served.behind()


def test_a_page_of_somebody_else_cannot_talk_to_it(served: Served):
    path = urlsplit(served.address).path + "ws"
    assert served.get(path, Origin="http://evil.example", **UPGRADE) == 403
    assert served.get("/ws", **UPGRADE) == 404
    assert not served.behind()


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_its_processes_go_with_it(served: Served, signum: signal.Signals):
    with served.page() as page:
        seen = b""
        while b"Jobs" not in seen:
            seen += page.recv(65_536)
        assert len(served.behind()) == 1
        os.kill(served.process.pid, signum)
        code = served.process.wait(PATIENCE)
    assert code == (-signum if signum is signal.SIGKILL else 0)
    wait_until(lambda: not served.behind(), PATIENCE)


@pytest.mark.skipif(PROGRAM is None, reason="needs the Debian package chromium")
async def test_in_a_browser_keys_submit_a_job(served: Served, daemon: DaemonProcess, tmp_path: Path):
    async with chromium(tmp_path / "chromium") as page:
        await page.open(served.address)
        await page.until("document.body.classList.contains('-first-byte')")
        await page.value("document.querySelector('textarea').focus()")
        with daemon.client() as client:
            await page.hears(b"live")
            await page.type("n")
            await page.hears(b"New job")
            await page.type("echo from a browser\n")
            with trio.fail_after(PATIENCE):
                while not (jobs := client.call("job.list")["jobs"]):  # noqa: ASYNC110 - it is outside trio
                    await trio.sleep(0.05)
            env = client.call("job.show", {"job": jobs[0]["id"]})["env"]
        assert jobs[0]["argv"] == ["echo", "from", "a", "browser"]
        assert env["HOME"] == served.home
        assert not [name for name in env if name.startswith("TEXTUAL_")], "that is about the page"
        assert len(served.behind()) == 1
        await page.open("about:blank")
        wait_until(lambda: not served.behind(), PATIENCE)
