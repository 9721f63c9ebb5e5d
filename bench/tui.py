"""The terminal interface: first frame, delay, 100,000 jobs, 2,000 events a second, memory, load."""

import argparse
import asyncio
import fcntl
import gc
import os
import pty
import select
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from daemon import Running, header, milliseconds, running

from labd.tui.app import LabdApp
from labd.tui.link import Link
from labd.tui.store import LinkState, Store
from labd.wire.blocking import Client

ROUNDS, SAMPLES = 7, 30
HELD = {"argv": ["/bin/true"], "cwd": "/", "env": {}, "hold": True}
TICK = os.sysconf("SC_CLK_TCK")


class Terminal:
    """A pseudo terminal with a program in it."""

    def __init__(self, words: list[str], env: dict[str, str], size: tuple[int, int] = (100, 50)) -> None:
        self.begun = time.perf_counter()
        self.pid, self.end = pty.fork()
        if self.pid == 0:
            os.execvpe(words[0], words, env)
        fcntl.ioctl(self.end, termios.TIOCSWINSZ, struct.pack("HHHH", size[1], size[0], 0, 0))

    def sees(self, word: bytes, patience: float = 60.0) -> float:
        """Seconds on ``perf_counter`` when *word* was written."""
        seen, end = b"", time.perf_counter() + patience
        while word not in seen:
            if not select.select([self.end], [], [], max(end - time.perf_counter(), 0.0))[0]:
                raise TimeoutError(f"{word!r} is not on the screen")
            seen = seen[-4096:] + os.read(self.end, 65_536)
        return time.perf_counter()

    def drain(self, seconds: float) -> None:
        """Read on for so long."""
        end = time.perf_counter() + seconds
        while (left := end - time.perf_counter()) > 0:
            if select.select([self.end], [], [], left)[0]:
                os.read(self.end, 65_536)

    def close(self) -> None:
        os.kill(self.pid, 9)
        os.waitpid(self.pid, 0)
        os.close(self.end)


def tui(daemon: Running, *options: str) -> Terminal:
    env = os.environ | {"TERM": "xterm-256color", "LABD_SOCKET": daemon.socket}
    return Terminal([sys.executable, "-m", "labd", "tui", *options], env)


def first_frame(daemon: Running) -> None:
    took, bare = [], []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        subprocess.run([sys.executable, "-c", "import textual.app"], check=True)
        bare.append(time.perf_counter() - began)
        terminal = tui(daemon)
        took.append(terminal.sees(b"Overview") - terminal.begun)
        terminal.close()
    print(f"{'first frame':36} {milliseconds(took)}   goal 500 ms")
    print(f"{'import textual.app alone':36} {milliseconds(bare)}")


def delay(daemon: Running) -> None:
    """From the call that makes an event to the bytes that show it."""
    terminal, took = tui(daemon, "--page", "jobs"), []
    terminal.sees(b"live")
    with Client(daemon.socket) as client:
        for number in range(SAMPLES):
            terminal.drain(0.3)
            began = time.perf_counter()
            client.call("job.submit", {"spec": {**HELD, "name": f"seen-{number}."}})
            took.append(terminal.sees(f"seen-{number}.".encode()) - began)
    terminal.close()
    print(f"{'submit to screen':36} {milliseconds(took)}   goal 100 ms")


def load(daemon: Running, seconds: float) -> None:
    """What the daemon does for one who watches."""
    alone = _cpu(daemon, lambda: time.sleep(seconds))
    terminal = tui(daemon)
    terminal.sees(b"live")
    terminal.drain(5.0)
    watched = _cpu(daemon, lambda: terminal.drain(seconds))
    terminal.close()
    print(f"{'CPU of the daemon, idle':36} {alone / seconds:8.2%} of a core; watched {watched / seconds:.2%}")


def _cpu(daemon: Running, do: Callable[[], None]) -> float:
    before = _spent(daemon.process.pid)
    do()
    return _spent(daemon.process.pid) - before


def _spent(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICK


# -- inside -------------------------------------------------------------------------------------


class Pulse:
    """Notes for how long the loop did nothing else: by the clock, and by what this thread computed."""

    def __init__(self) -> None:
        self.worst, self.worst_cpu = 0.0, 0.0

    async def beat(self) -> None:
        while True:
            wall, cpu = time.perf_counter(), time.thread_time()
            await asyncio.sleep(0.002)
            self.worst = max(self.worst, time.perf_counter() - wall - 0.002)
            self.worst_cpu = max(self.worst_cpu, time.thread_time() - cpu)

    async def during(self, what: str, deed: Callable[[], Awaitable[object]]) -> None:
        """Do it, and say how long the longest stall was."""
        self.worst = self.worst_cpu = 0.0
        began = time.perf_counter()
        await deed()
        took = time.perf_counter() - began
        print(f"  {what:34} {took * 1e3:9.0f} ms   longest stall {self.worst * 1e3:6.1f} ms, "
              f"computing {self.worst_cpu * 1e3:6.1f} ms   goal 100 ms")  # fmt: skip


async def many_jobs(socket: str, jobs: int) -> None:
    """Open, filter, sort and scroll a long queue."""
    app = LabdApp(lambda store, wake: Link(store, socket, wake), first="jobs")
    pulse = Pulse()
    async with app.run_test(size=(200, 60)) as pilot:
        beat = asyncio.create_task(pulse.beat())

        async def loaded() -> None:
            while len(app.store.jobs) < jobs or app.store.loading:  # noqa: ASYNC110 - it is measured
                await asyncio.sleep(0.01)

        async def keys(*names: str) -> None:
            for name in names:
                await pilot.press(name)
            await pilot.pause()

        async def typed() -> None:
            await keys("slash", *"held")
            await asyncio.sleep(1.0)
            await keys("escape")

        await pulse.during(f"open, {jobs:,} jobs", loaded)
        await pulse.during("to the end and the beginning", lambda: keys("end", "home", "end", "home"))
        await pulse.during("100 pages down", lambda: keys(*["pagedown"] * 100))
        await pulse.during("filter, letter by letter", typed)
        await pulse.during("sort by three columns", lambda: keys("s", "s", "s"))
        await pulse.during("another page and back", lambda: keys("1", "2"))
        beat.cancel()


class Made(Link):
    """A link to nothing: events are made."""

    async def run(self) -> None:
        self.store.linked(LinkState(True, connections=1))
        await asyncio.Event().wait()

    async def call(
        self, method: str, params: dict[str, Any] | None = None, timeout: float | None = None
    ) -> Any:
        return {}


def event(seq: int, now: float) -> dict[str, Any]:
    """One of the events that jobs make, for jobs that come and go."""
    kind = ("submitted", "starting", "started", "succeeded")[seq % 4]
    data: dict[str, Any] = {"job": seq // 4, "attempt": 1}
    if kind == "submitted":
        data["spec"] = {"argv": ["true"], "name": f"job-{seq}", "cpus": 1.0, "memory": 2**30}
    return {
        "seq": seq,
        "time": now,
        "kind": f"job.{kind}",
        "actor": "ada",
        "cause": "exit code 0",
        "data": data,
    }


async def many_events(rate: int, seconds: float, page: str) -> None:
    """So many a second: whether it keeps up, and what that costs."""
    app = LabdApp(lambda store, wake: Made(store, "", wake), first=page)
    async with app.run_test(size=(200, 60)) as pilot:
        await pilot.pause(0.5)
        pulse, late, seq = Pulse(), 0.0, 0
        beat = asyncio.create_task(pulse.beat())
        began, cpu = time.perf_counter(), time.process_time()
        while (now := time.perf_counter() - began) < seconds:
            while seq < now * rate:
                app.store.take(event(seq, time.time()))
                seq += 1
            app.wake()
            await asyncio.sleep(0.005)
            late = max(late, time.perf_counter() - began - now - 0.005)
        spent = (time.process_time() - cpu) / (time.perf_counter() - began)
        beat.cancel()
    print(f"{f'{seq / seconds:,.0f} events a second, {page}':36} {spent:8.0%} of a core; behind at most "
          f"{late * 1e3:.0f} ms, longest stall {pulse.worst * 1e3:.0f} ms, "
          f"computing {pulse.worst_cpu * 1e3:.0f} ms")  # fmt: skip


def memory(events: int) -> None:
    """The store over many events: what it holds is bounded."""
    store, at, figures = Store(), 0, []
    for part in range(10):
        end = events * (part + 1) // 10
        while at < end:
            store.take(event(at, 0.0))
            at += 1
            if at % 100 == 0:
                store.drain()
        gc.collect()
        figures.append(int(Path("/proc/self/statm").read_text().split()[1]) * 4096 / 2**20)
    shown = " ".join(f"{one:.0f}" for one in figures)
    print(f"{f'memory over {events:,} events':36} {shown} MiB; {len(store.jobs):,} jobs kept")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--jobs", type=int, default=100_000)
    parser.add_argument("--events", type=int, default=2_000_000, help="four of them make a job")
    parser.add_argument("--seconds", type=float, default=20.0)
    args = parser.parse_args()
    header("the terminal interface")
    with running() as daemon:
        first_frame(daemon)
        delay(daemon)
        load(daemon, args.seconds)
        with Client(daemon.socket) as client, suppress(KeyboardInterrupt):
            for _ in range(args.jobs):
                client.call("job.submit", {"spec": HELD})
        asyncio.run(many_jobs(daemon.socket, args.jobs))
    for page in ("overview", "jobs", "events"):
        asyncio.run(many_events(2_000, args.seconds / 2, page))
    memory(args.events)


if __name__ == "__main__":
    main()
