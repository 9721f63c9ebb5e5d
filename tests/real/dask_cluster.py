"""A scheduler and workers of Dask as processes that may be killed and started again, and labd beside them."""

import importlib.util
import os
import signal
import socket
import subprocess
import sys
import tomllib
from pathlib import Path

from tests.daemon_process import CLEAN, DaemonProcess
from tests.real.test_hello_plugin import install
from tests.support import wait_until

PLUGIN = Path(__file__).parents[2] / "plugins_contrib" / "labd-dask"
QUIET = ["--no-dashboard"]
KEPT = {"DASK_DISTRIBUTED__COMM__TIMEOUTS__CONNECT": "5s"}

WORK = """
import os, time

def note(x, file, pause=0.002):
    fd = os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(fd, b"%d %d\\n" % (x, os.getpid()))
    os.close(fd)
    time.sleep(pause)
    return x * 2

def odd(x):
    if x == 1:
        print("about to exit")
        os._exit(7)
    if x == 2:
        return bytearray(2**29)[0] or time.sleep(5)
    if x == 3:
        time.sleep(60)
    return x

def sleep(x):
    open(f"began-{x}", "w").write(str(os.getpid()))
    time.sleep(600)
"""


class Cluster:
    """What is started has the folder of *daemon* in its environment, and goes with it."""

    def __init__(self, daemon: DaemonProcess) -> None:
        self.daemon, self.processes = daemon, {}
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.address = f"tcp://127.0.0.1:{self.port}"
        self.path = os.pathsep.join([str(PLUGIN / "src"), os.getcwd()])

    def start(self, workers: int = 2) -> "Cluster":
        self.start_scheduler()
        for number in range(workers):
            self.start_worker(f"worker-{number}")
        return self

    def start_scheduler(self) -> None:
        self._start("scheduler", "dask_scheduler", "--host", "127.0.0.1", "--port", str(self.port), *QUIET)

    def start_worker(self, name: str) -> None:
        self._start(name, "dask_worker", self.address, "--no-nanny", "--nthreads", "1", "--host", "127.0.0.1",
                    "--name", f"{name}-{len(self.processes)}", *QUIET)  # fmt: skip

    def kill(self, name: str) -> None:
        self.processes[name].send_signal(signal.SIGKILL)
        self.processes[name].wait()

    def close(self) -> None:
        for name in self.processes:
            self.kill(name)

    def wait_gone(self, name: str) -> None:
        self.processes[name].wait(60)

    def _start(self, name: str, module: str, *words: str) -> None:
        env = CLEAN | KEPT | {"LABD_TEST_FOLDER": self.daemon.folder, "PYTHONPATH": self.path}
        with open(f"{self.daemon.folder}/{name}.log", "ab") as log:
            self.processes[name] = subprocess.Popen(
                [sys.executable, "-m", f"distributed.cli.{module}", *words],
                env=env, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self.daemon.folder,
            )  # fmt: skip


def configure(daemon: DaemonProcess, text: str) -> None:
    """Give *daemon* the plugin with *text* as its settings, and the modules that maps call."""
    site = Path(daemon.folder, "site")
    project = tomllib.loads((PLUGIN / "pyproject.toml").read_text())["project"]
    install(site, project["name"], project["version"], project["entry-points"])
    daemon.env["PYTHONPATH"] = os.pathsep.join([str(site), str(PLUGIN / "src")])
    daemon.env["XDG_STATE_HOME"] = f"{daemon.folder}/state"
    spool, user = f'spool = "{daemon.folder}/spool"\n', 'user = "root"\n' if os.geteuid() == 0 else ""
    daemon.config.write_text(f"[plugins.dask]\n{text}{spool}{user}seconds = 0.5\nat_once = 4\n")
    Path(daemon.folder, "work").mkdir()
    Path(daemon.folder, "work", "dasktasks.py").write_text(WORK)


def options(daemon: DaemonProcess) -> dict[str, object]:
    return {"cwd": f"{daemon.folder}/work", "path": [], "env": {"PATH": os.defpath}, "engine": "dask"}


def installed() -> bool:
    return importlib.util.find_spec("distributed") is not None


__all__ = ["Cluster", "configure", "installed", "options", "wait_until"]
