import os
import signal
from contextlib import contextmanager

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from labd.daemon.signals import Signals


class Log:
    def __init__(self, reload=None):
        self.lines = []
        self.send, self._arriving = trio.open_memory_channel(10)
        self.signals = Signals(
            stop=lambda name: self.lines.append(f"stop {name}"),
            hurry=lambda name: self.lines.append(f"hurry {name}"),
            reload=reload or self.reload,
            receive=self.receive,
        )

    async def reload(self):
        self.lines.append("reload")

    @contextmanager
    def receive(self, *numbers):
        assert numbers == (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
        yield self._arriving

    async def after(self, nursery, *numbers):
        await nursery.start(self.signals.run)
        for number in numbers:
            await self.send.send(number)
            await wait_all_tasks_blocked()
        return self.lines


async def test_r23_the_first_signal_stops_and_every_further_one_hurries(nursery):
    lines = await Log().after(nursery, signal.SIGTERM, signal.SIGINT, signal.SIGTERM)
    assert lines == ["stop SIGTERM", "hurry SIGINT", "hurry SIGTERM"]


async def test_hup_reloads_and_stops_nothing(nursery):
    lines = await Log().after(nursery, signal.SIGHUP, signal.SIGHUP, signal.SIGINT)
    assert lines == ["reload", "reload", "stop SIGINT"]


async def test_r24_a_reload_that_fails_changes_nothing(nursery, caplog):
    async def fail():
        raise ValueError("labd.toml:3: unknown key")

    lines = await Log(fail).after(nursery, signal.SIGHUP, signal.SIGTERM)
    assert lines == ["stop SIGTERM"]
    assert "labd.toml:3: unknown key" in caplog.text


async def test_a_reload_that_hangs_does_not_keep_from_stopping(nursery):
    lines = await Log(trio.sleep_forever).after(nursery, signal.SIGHUP, signal.SIGHUP, signal.SIGTERM)
    assert lines == ["stop SIGTERM"]


@pytest.mark.real
async def test_real_signals_arrive(nursery):
    got = trio.Event()

    async def reload():
        got.set()

    await nursery.start(Signals(stop=print, hurry=print, reload=reload).run)
    os.kill(os.getpid(), signal.SIGHUP)
    with trio.fail_after(30):
        await got.wait()
