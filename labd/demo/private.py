"""The demo's own daemon: started, killed without warning, started again, stopped."""

import os
import signal
import subprocess
import sys
import sysconfig
import time
from collections.abc import Mapping

from labd.demo.place import Place
from labd.demo.stop import Stops
from labd.environment import captured, split_undecodable
from labd.errors import InternalError, LabdError, Unreachable
from labd.wire.blocking import Client

READY = 60.0
"""Seconds that a start may take on a machine with much to do."""

STOPPING = 15.0
LOOK_EVERY = 0.05


class PrivateDaemon:
    """A daemon in *place*. It is in a session of its own: a Ctrl-C at the terminal does not reach it."""

    def __init__(self, place: Place, stops: Stops, environ: Mapping[str, str]) -> None:
        self._place = place
        self._stops = stops
        # PWD marks all that descends from the daemon as ours, even what it leaves behind
        self._env = environment(environ) | {"PWD": place.folder}
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        return self._process.pid if self._process else 0

    def start(self) -> Client:
        """Start it and wait until it answers. Raises InternalError with the end of its log."""
        command = [sys.executable, "-m", "labd", "--config", self._place.config, "--safe"]
        with open(self._place.log, "ab") as log, self._stops.held():
            self._process = subprocess.Popen(
                command, cwd=self._place.folder, env=self._env, start_new_session=True,
                stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            )  # fmt: skip
        return self._answering()

    def connect(self, timeout: float = 10.0) -> Client:
        """A client of it. Raises Unreachable."""
        return Client(self._place.socket, timeout, name="labd demo")

    def answers(self) -> bool:
        """Whether anybody answers at the socket."""
        try:
            self.connect(1.0).close()
        except LabdError:
            return False
        return True

    def kill(self) -> int:
        """SIGKILL, as a crash would; the status that the kernel gives for it: -9 if it was that."""
        assert self._process is not None, "only what was started can be killed"
        self._process.kill()
        return self._process.wait()

    def stop(self) -> None:
        """SIGTERM, and SIGKILL if that does not help; harmless when it does not run."""
        if self._process is None or self._process.poll() is not None:
            return
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(STOPPING)
        except subprocess.TimeoutExpired:
            self.kill()

    def _answering(self) -> Client:
        assert self._process is not None, "it was started just now"
        deadline = time.monotonic() + READY
        while True:
            try:
                return self.connect()
            except Unreachable:
                if self._process.poll() is not None or time.monotonic() > deadline:
                    raise self._failed() from None
            time.sleep(LOOK_EVERY)

    def _failed(self) -> InternalError:
        with open(self._place.log, encoding="utf-8", errors="replace") as log:
            last = "".join(log.readlines()[-5:]).strip()
        return InternalError(f"the demo's daemon did not start\n{last}")


def environment(environ: Mapping[str, str]) -> dict[str, str]:
    """What the daemon and the runs get: the caller's, less labd's own, and one thread for each core asked.

    Where labd is not installed but lies in a checkout, the processes must find it as this one did.
    """
    env, _ = split_undecodable(captured(environ))
    root = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    if root not in {sysconfig.get_path(name) for name in ("purelib", "platlib")}:
        env["PYTHONPATH"] = os.pathsep.join(filter(None, [root, env.get("PYTHONPATH")]))
    threads = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
    return env | dict.fromkeys(threads, "1")
