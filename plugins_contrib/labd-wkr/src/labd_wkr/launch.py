"""A labd of its own for one old worker class: its configuration, its process, its end."""

import json
import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from argparse import Namespace
from collections.abc import Mapping
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

from labd_wkr.talk import terminate

NAME = "wkr"
"""What the model is called."""

READY_TIME = 3600.0
"""Seconds in which a model loads."""

DRAIN = 55.0
"""Seconds in which what is in work is answered when it stops."""

Table = Mapping[str, Any]


def configuration(args: Namespace, folder: str, target: str, more: frozenset[str]) -> dict[str, Table]:
    """The tables of ``labd.toml`` for the old flags *args*. *more* are the plugins that are there."""
    flags = {key: value for key, value in vars(args).items() if value is not None}
    tables: dict[str, Table] = {
        "plugins.serving": {"drain_timeout": DRAIN},
        f"plugins.serving.models.{NAME}": _model(args, folder, target, flags),
        f"plugins.wkr.models.{NAME}": {
            "port": args.port, "port_out": args.port_out, "protocol": args.protocol, "trust": args.trust,
            "terminate": True, "drain": DRAIN,
            "info": flags | {"worker_class": target, "main_batch_size": args.batch_size},
        },
    }  # fmt: skip
    if args.http_port and "serving-http" in more:
        tables["plugins.serving-http"] = {
            "listen": f"127.0.0.1:{args.http_port}",
            "default_model": NAME,
            "cors": [args.cors] if args.cors else [],
        }
    elif args.http_port:
        tables["http"] = {"enabled": True, "port": args.http_port}
    return tables


def _model(args: Namespace, folder: str, target: str, flags: dict[str, Any]) -> Table:
    devices = [] if args.cpu or max(args.device_map) < 0 else args.device_map
    arguments = flags | {
        "folder": folder, "model_dir": os.path.abspath(args.model_dir), "model_name": args.model_name,
        "log_dir": args.log_dir and os.path.abspath(args.log_dir), "verbose": args.verbose,
    }  # fmt: skip
    return {
        "loader": "wkr", "target": target, "workers": args.num_worker, "max_batch_size": args.batch_size,
        "device_map": devices, "gpu_memory_fraction": args.gpu_memory_fraction if devices else 0.0,
        "sandbox": "none", "user": "" if os.geteuid() else pwd.getpwuid(0).pw_name,
        "timeout": 900.0, "predict_timeout": 0.0, "load_timeout": READY_TIME, "warm_up": False,
        "max_queue": 100_000, "max_queue_bytes": 2**30, "max_request_bytes": 2**28,
        "env": {"PYTHONPATH": os.environ.get("PYTHONPATH", "")}, "arguments": arguments,
    }  # fmt: skip


def toml(tables: Mapping[str, Table]) -> str:
    """*tables* as text; what is None is left out."""
    return "\n".join(
        f"[{name}]\n"
        + "".join(f"{key} = {_value(value)}\n" for key, value in table.items() if value is not None)
        for name, table in tables.items()
    )


def _value(value: Any) -> str:
    if isinstance(value, Mapping):
        return (
            "{ " + ", ".join(f"{_value(k)} = {_value(v)}" for k, v in value.items() if v is not None) + " }"
        )
    if isinstance(value, list):
        return "[" + ", ".join(map(_value, value)) + "]"
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


class Launch:
    """One labd in a folder of its own, which goes with it."""

    def __init__(self, args: Namespace, folder: str, target: str) -> None:
        if args.log_dir:
            os.makedirs(args.log_dir, exist_ok=True)
        self._args = args
        found = frozenset(point.name for point in entry_points(group="labd.plugins"))
        self._text = toml(configuration(args, folder, target, found))
        self._process: subprocess.Popen[bytes] | None = None
        self._began = threading.Event()
        self._told = False

    def run(self) -> int:
        """Serve until told to stop; the exit code."""
        home = tempfile.mkdtemp(prefix="wkr-")
        try:
            file = Path(home, "labd.toml")
            file.touch(0o600)
            file.write_text(self._text)
            places = {"STATE_DIRECTORY": f"{home}/s", "RUNTIME_DIRECTORY": f"{home}/r"}
            words = [sys.executable, "-m", "labd_wkr.tied", "--config", str(file)]
            self._process = subprocess.Popen(words, env=os.environ | places)
            self._began.set()
            return self._process.wait()
        finally:
            shutil.rmtree(home, ignore_errors=True)

    def stop(self, *_: object) -> None:
        """Have it answer what is in work, and end; the second time, end. Harmless when it has."""
        self._began.wait(10)
        if self._process is not None and self._process.poll() is None:
            first, self._told = not self._told, True
            if not (first and terminate("localhost", self._args.port, 5.0)):
                self._process.send_signal(signal.SIGTERM)

    def wait_ready(self, timeout: float = READY_TIME) -> None:
        """Wait until its model answers. Raises RuntimeError when it has failed or ended."""
        self._began.wait(10)
        state, reason = wait_ready(
            "localhost", self._args.port, self._args.port_out, timeout,
            lambda: self._process is not None and self._process.poll() is None,
        )  # fmt: skip
        if state != "ready":
            raise RuntimeError(f"the server is not ready: {state} {reason}")


def wait_ready(
    host: str, port: int, port_out: int, timeout: float, lives: Any = lambda: True, pid: int = 0
) -> tuple[str, str]:
    """State and reason of the server there, once it is ready or has failed; *timeout* is seconds.

    It is ``failed`` too when it is none that the process *pid* has started (0: whoever it is).
    """
    until, state, reason = time.monotonic() + timeout, "unreachable", ""
    while time.monotonic() < until and lives():
        state, reason = _ask(host, port, port_out, pid)
        if state in ("ready", "failed"):
            break
        time.sleep(0.05)
    return state, reason


def _ask(host: str, port: int, port_out: int, pid: int) -> tuple[str, str]:
    from wkr_serving.client import WKRClient

    try:
        with WKRClient(host, port, port_out, ignore_all_checks=True, timeout=2000) as client:
            status = client.server_status
            if pid and not descends(status.get("server_pid", 0), pid):
                return "failed", f"another server has the ports {port} and {port_out}"
            return status.get("state", "ready"), status.get("reason", "")
    except OSError as error:
        return "unreachable", str(error)


def descends(pid: int, ancestor: int) -> bool:
    """Whether the process *pid* is *ancestor*, or was started by it, or by one that was."""
    while pid > 1 and pid != ancestor:
        try:
            pid = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
        except (OSError, ValueError, IndexError):
            return False
    return pid == ancestor
