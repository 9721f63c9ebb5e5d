"""A private daemon for a benchmark, and the numbers that every benchmark prints."""

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple

from labd.wire.blocking import Client


class Running(NamedTuple):
    """A daemon that answers."""

    process: "subprocess.Popen[bytes]"
    socket: str
    state: str
    ready_after: float


@contextmanager
def running(*options: str, state: str | None = None) -> Iterator[Running]:
    """A daemon with two slots on a state directory of its own; ended and removed afterwards."""
    folder = tempfile.mkdtemp(prefix="labd-bench-")
    state = state or f"{folder}/state"
    settings = [f"daemon.state_dir={state}", f"daemon.runtime_dir={folder}", "resources.cores=2", *options]
    command = [sys.executable, "-m", "labd", *(word for s in settings for word in ("-o", s))]
    began = time.perf_counter()
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    try:
        wait_for_answer(f"{folder}/labd.sock")
        yield Running(process, f"{folder}/labd.sock", state, time.perf_counter() - began)
    finally:
        process.terminate()
        process.wait()
        shutil.rmtree(folder, ignore_errors=True)


def wait_for_answer(path: str) -> None:
    while True:
        try:
            with Client(path) as client:
                client.call("ping")
                return
        except Exception:
            time.sleep(0.002)


def milliseconds(values: Sequence[float]) -> str:
    """Median and 90th percentile."""
    ranked = sorted(values)
    return (
        f"p50 {statistics.median(ranked) * 1e3:6.2f} ms   p90 {ranked[int(len(ranked) * 0.9)] * 1e3:6.2f} ms"
    )


def describe(what: str | None) -> None:
    """Say *what* a benchmark measures, to whoever asks with ``--help``, and refuse arguments."""
    form = argparse.RawDescriptionHelpFormatter
    argparse.ArgumentParser(description=what, formatter_class=form, allow_abbrev=False).parse_args()


def header(title: str) -> None:
    load = os.getloadavg()[0]
    print(f"{title}   ({os.cpu_count()} cores, load {load:.1f}, Python {sys.version.split()[0]})")
