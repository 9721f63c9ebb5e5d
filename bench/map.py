"""Many calls of a trivial function: labd's maps beside ProcessPoolExecutor, Dask and Ray where they are.

``--calls`` and ``--many`` make it shorter, to see that it works: what it says then is no measure.
"""

import argparse
import os
import statistics
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from daemon import running

from labd.client import Client, Executor

ROUNDS, STARTS, WORKERS = 5, 15, 2


class Sizes(argparse.Namespace):
    calls: int
    many: int


SIZES = Sizes()


def double(x):
    return 2 * x


def told(name: str, value: float, unit: str) -> None:
    print(f"{name:<58} {value:>9.3f} {unit}")


def each(name: str, once: Callable[[], object]) -> None:
    """The median time of one call, over some rounds."""
    found = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        once()
        found.append((time.perf_counter() - began) / SIZES.calls * 1e3)
    told(name, statistics.median(found), "ms a call")


def first(client: Client) -> float:
    began = time.perf_counter()
    made = client.map(double, range(100), progress=False)
    next(iter(made.as_completed()))
    took = (time.perf_counter() - began) * 1e3
    made.wait()
    return took


@contextmanager
def watched(pid: int) -> Iterator[list[float]]:
    """The most memory that process *pid* has meanwhile, in MB."""
    most, over = [0.0], threading.Event()

    def watch() -> None:
        while not over.wait(0.05):
            pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
            most[0] = max(most[0], pages * os.sysconf("SC_PAGESIZE") / 1e6)

    thread = threading.Thread(target=watch)
    thread.start()
    yield most
    over.set()
    thread.join()


def labd() -> None:
    with running() as daemon, Client(daemon.socket) as client:
        told("labd: first result, cold", first(client), "ms")
        told("labd: first result, warm", statistics.median(first(client) for _ in range(STARTS)), "ms")
        each("labd: a map, durable, collected", lambda: client.map(double, range(SIZES.calls)).results())
        with Executor(client) as executor:
            each("labd: Executor, one future a call, durable", lambda: futures(executor))
        with watched(daemon.process.pid) as most:
            began = time.perf_counter()
            assert sum(1 for _ in client.map(double, range(SIZES.many)).as_completed()) == SIZES.many
            took = (time.perf_counter() - began) / SIZES.many * 1e3
        told(f"labd: {SIZES.many} calls", took, "ms a call")
        told(f"labd: {SIZES.many} calls, memory of the daemon", most[0], "MB")


def futures(executor: "Executor | ProcessPoolExecutor") -> None:
    pending = [executor.submit(double, x) for x in range(SIZES.calls)]
    assert [future.result() for future in pending] == [2 * x for x in range(SIZES.calls)]


def pool() -> None:
    with ProcessPoolExecutor(WORKERS) as executor:
        each("ProcessPoolExecutor: one future a call, not durable", lambda: futures(executor))
        each(
            "ProcessPoolExecutor: chunks of 100",
            lambda: list(executor.map(double, range(SIZES.calls), chunksize=100)),
        )


def dask() -> None:
    try:
        from dask.distributed import Client as Dask
        from dask.distributed import LocalCluster
    except ImportError:
        print("Dask: left out, not installed (pip install distributed)")
        return
    with (
        LocalCluster(n_workers=WORKERS, threads_per_worker=1, dashboard_address=None) as cluster,
        Dask(cluster) as client,
    ):
        mapped = lambda: client.gather(client.map(double, range(SIZES.calls), pure=False))  # noqa: E731
        each("Dask: LocalCluster, not durable", mapped)


def ray() -> None:
    try:
        import ray as installed
    except ImportError:
        print("Ray: left out, not installed (pip install ray)")
        return
    installed.init(num_cpus=WORKERS, include_dashboard=False, logging_level="ERROR")
    remote = installed.remote(double)
    each("Ray, not durable", lambda: installed.get([remote.remote(x) for x in range(SIZES.calls)]))
    installed.shutdown()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=10_000, help="of each round (10000)")
    parser.add_argument("--many", type=int, default=1_000_000, help="of the long map (1000000)")
    parser.parse_args(namespace=SIZES)
    print(f"medians of {ROUNDS}; load average {os.getloadavg()[0]:.1f}")
    for part in (labd, pool, dask, ray):
        part()
