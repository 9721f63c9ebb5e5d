"""What a worker costs: its start, a call, an array there and back; beside multiprocessing."""

import contextlib
import getpass
import logging
import multiprocessing
import os
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy
import trio
from daemon import describe

from labd.api.workers import WorkerSpec
from labd.workers.service import WorkerHouse

CALLS, ARRAYS, STARTS = 3000, 500, 15
ARRAY = numpy.random.default_rng(1).random(75_000)


def echo(x):
    return x


def serve(pipe):
    while True:
        pipe.send(pipe.recv())


def told(name: str, times: list[float]) -> None:
    print(f"{name:<48} {statistics.median(times) * 1e6:>10.0f} us")


def timed(times: int, once: Callable[[], object]) -> list[float]:
    found = []
    for _ in range(times):
        began = time.perf_counter()
        once()
        found.append(time.perf_counter() - began)
    return found


async def timed_async(times: int, once: Callable[[], Awaitable[object]]) -> list[float]:
    found = []
    for _ in range(times):
        began = time.perf_counter()
        await once()
        found.append(time.perf_counter() - began)
    return found


async def labd(folder: str) -> None:
    house = WorkerHouse(None)
    spec = WorkerSpec(target="echoes", path=(folder,), user=getpass.getuser())
    warm = WorkerSpec(target="echoes", path=(folder,), warm=("numpy", "echoes"), user=getpass.getuser())
    workers = house.of("bench", logging.getLogger("bench"))

    async def start(spec: WorkerSpec) -> float:
        began = time.perf_counter()
        async with workers.start(spec):
            return time.perf_counter() - began

    async with trio.open_nursery() as nursery:
        await nursery.start(house.run)
        for name, each in (("fresh", spec), ("warm, with numpy", warm)):
            await start(each)
            told(f"labd: start ({name})", [await start(each) for _ in range(STARTS)])
        async with workers.start(warm) as worker:
            await worker.call("echo", x=ARRAY)
            told("labd: call and answer", await timed_async(CALLS, lambda: worker.call("echo", x=1)))
            told(
                "labd: 600 KB there and back", await timed_async(ARRAYS, lambda: worker.call("echo", x=ARRAY))
            )
        nursery.cancel_scope.cancel()


def peers() -> None:
    context = multiprocessing.get_context("fork")
    ours, theirs = context.Pipe()
    process = context.Process(target=serve, args=(theirs,), daemon=True)
    process.start()

    def pipe(value: object) -> None:
        ours.send(value)
        ours.recv()

    told("multiprocessing.Pipe: call and answer", timed(CALLS, lambda: pipe(1)))
    told("multiprocessing.Pipe: 600 KB there and back", timed(ARRAYS, lambda: pipe(ARRAY)))
    process.kill()
    for method in ("fork", "forkserver"):
        began = time.perf_counter()
        with ProcessPoolExecutor(1, multiprocessing.get_context(method)) as pool:
            pool.submit(echo, 1).result()
            told(f"ProcessPoolExecutor: start ({method})", [time.perf_counter() - began])
            told(
                "ProcessPoolExecutor: call and answer",
                timed(CALLS, lambda p=pool: p.submit(echo, 1).result()),
            )
            arrays = timed(ARRAYS, lambda p=pool: p.submit(echo, ARRAY).result())
            told("ProcessPoolExecutor: 600 KB there and back", arrays)


if __name__ == "__main__":
    describe(__doc__)
    print(f"medians; load average {os.getloadavg()[0]:.1f}")
    with tempfile.TemporaryDirectory() as folder, contextlib.suppress(KeyboardInterrupt):
        Path(folder, "echoes.py").write_text("def echo(x):\n    return x\n")
        trio.run(labd, folder)
        peers()
