"""A headless Chromium that tests drive, over its debugging protocol."""

import base64
import json
import os
import re
import shutil
import subprocess
import urllib.request
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import trio
from trio_websocket import WebSocketConnection, open_websocket_url

from tests.daemon_process import CLEAN, PATIENCE

PROGRAM = shutil.which("chromium")
LARGEST = 2**26
"""Bytes of an answer: a picture of the page."""


class Page:
    """One page of it."""

    def __init__(self, connection: WebSocketConnection) -> None:
        self._connection = connection
        self._calls = 0
        self.received = b""
        """What came over its WebSockets."""

    async def call(self, method: str, **params: Any) -> dict[str, Any]:
        """The result of a method of the protocol."""
        self._calls += 1
        await self._connection.send_message(
            json.dumps({"id": self._calls, "method": method, "params": params})
        )
        while True:
            answer = json.loads(await self._connection.get_message())
            if answer.get("method") == "Network.webSocketFrameReceived":
                self._frame(answer["params"]["response"])
            if answer.get("id") == self._calls:
                assert "error" not in answer, answer
                return dict(answer["result"])

    def _frame(self, frame: dict[str, Any]) -> None:
        text = frame["payloadData"]
        self.received += base64.b64decode(text) if frame["opcode"] == 2 else text.encode()

    async def hears(self, word: bytes) -> None:
        """Wait until *word* came over a WebSocket."""
        with trio.fail_after(PATIENCE):
            while word not in self.received:
                await self.value("0")
                await trio.sleep(0.02)

    async def value(self, expression: str) -> Any:
        """The value of a piece of JavaScript."""
        return (await self.call("Runtime.evaluate", expression=expression))["result"].get("value")

    async def until(self, expression: str) -> None:
        """Wait until a piece of JavaScript is true."""
        with trio.fail_after(PATIENCE):
            while not await self.value(expression):  # noqa: ASYNC110 - what is waited for is outside trio
                await trio.sleep(0.05)

    async def open(self, address: str) -> None:
        """Show what is at *address*."""
        await self.call("Network.enable")
        await self.call("Page.navigate", url=address)

    async def type(self, text: str) -> None:
        """Type *text*; a line feed is the key Enter."""
        for letter in text:
            key = {"key": "Enter", "text": "\r", "windowsVirtualKeyCode": 13} if letter == "\n" else {}
            key = key or {"key": letter, "text": letter}
            await self.call("Input.dispatchKeyEvent", type="keyDown", **key)
            await self.call(
                "Input.dispatchKeyEvent", type="keyUp", **{k: v for k, v in key.items() if k != "text"}
            )


@asynccontextmanager
async def chromium(folder: Path) -> AsyncIterator[Page]:
    """A page of a Chromium that keeps its files in *folder* and ends with the block."""
    assert PROGRAM is not None
    words = [
        PROGRAM, "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
        f"--user-data-dir={folder}", "--remote-debugging-port=0", "--window-size=1200,800", "about:blank",
    ]  # fmt: skip
    env = CLEAN | {"HOME": str(folder)}
    with subprocess.Popen(words, stderr=subprocess.PIPE, env=env, process_group=0) as process:  # noqa: ASYNC220 - at once
        try:
            assert process.stderr is not None
            port = await trio.to_thread.run_sync(_port, process)
            page = next(one for one in _pages(port) if one["type"] == "page")
            async with open_websocket_url(page["webSocketDebuggerUrl"], max_message_size=LARGEST) as found:
                yield Page(found)
        finally:
            os.killpg(process.pid, 9)


def _port(process: subprocess.Popen[bytes]) -> str:
    assert process.stderr is not None
    for line in process.stderr:
        if found := re.search(rb"ws://[^:/]+:(\d+)/", line):
            return found[1].decode()
    raise AssertionError("chromium has ended")


def _pages(port: str) -> list[dict[str, Any]]:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/json", timeout=PATIENCE) as answer:
        found: list[dict[str, Any]] = json.load(answer)
    return found
