"""What a client is told of the server: one flat dict, with the names that old clients and dashboards read.

Plain values only: numpy's own would need the same numpy at the other end.
"""

import os
import platform
import time
from collections import deque
from collections.abc import Callable
from datetime import datetime
from typing import Any

from labd.api import LabdError, ModelStatistics, NotReady
from labd.api.serving import Models
from labd_wkr.settings import Door

CLIENT_VERSION = "1.0.0-b"
"""The version of the original client: it compares the server's with its own."""

ACTIVE = 180.0
"""Seconds after its last request in which a client counts as active."""

NOBODY = "0.0.0"
STARTED = time.time()


class Counts:
    """What came and went at one pair of ports."""

    def __init__(self) -> None:
        self.requests = self.answers = self.failed = self.system = 0
        self._clients: dict[bytes, list[float]] = {}
        self._sizes: dict[str, deque[int]] = {
            "sys_input_byte": deque(maxlen=1000),
            "sys_output_byte": deque(maxlen=1000),
        }

    def asked(self, identity: bytes, size: int, now: float) -> None:
        self.requests += 1
        self._sizes["sys_input_byte"].append(size)
        seen = self._clients.setdefault(identity, [0, now])
        seen[0] += 1
        seen[1] = now
        if len(self._clients) > 10_000:
            del self._clients[next(iter(self._clients))]

    def answered(self, size: int) -> None:
        self.answers += 1
        self._sizes["sys_output_byte"].append(size)

    def group(self, count: int, now: float) -> dict[str, Any]:
        """One of the two groups of statistics, of *count* requests or answers."""
        each = [number for number, _ in self._clients.values()] or [0]
        return {
            "num_data_request": count,
            "num_total_seq": count,
            "num_sys_request": self.system,
            "num_exception": self.failed,
            "num_total_request": count + self.system,
            "num_total_client": len(self._clients),
            "num_active_client": sum(now - last < ACTIVE for _, last in self._clients.values()),
            "avg_request_per_client": sum(each) / len(each),
            "min_request_per_client": min(each),
            "max_request_per_client": max(each),
            "num_min_request_per_client": each.count(min(each)),
            "num_max_request_per_client": each.count(max(each)),
            "others": {name: _spread(sizes) for name, sizes in self._sizes.items() if sizes},
        }


def status(
    name: str, door: Door, counts: Counts, models: Callable[[], Models], identity: bytes, now: float = 0.0
) -> dict[str, Any]:
    """The status of the model *name* for the client *identity*."""
    state, reason, figures = _figures(name, models)
    return {
        **_static(door),
        "client": identity.decode(errors="backslashreplace"),
        "state": state,
        "reason": reason,
        "server_current_time": str(datetime.now()),
        "num_process": len(figures.workers) if figures else 0,
        "num_worker_process": len(figures.workers) if figures else 0,
        "main_device_map": [each.device for each in figures.workers] if figures else [],
        "statistic": counts.group(counts.requests, now),
        "statistic_postsink": counts.group(counts.answers, now) | _answers(figures),
    }


def state(name: str, models: Callable[[], Models]) -> str:
    """Where the model stands; ``loading`` too while labd starts and nobody serves models yet."""
    try:
        return models().metadata(name).state
    except NotReady:
        return "loading"
    except LabdError:
        return "unknown"


def _figures(name: str, models: Callable[[], Models]) -> tuple[str, str, ModelStatistics | None]:
    """State and reason of the model, and its numbers if it is loaded."""
    try:
        view = models().metadata(name)
        found = models().statistics(name, view.version)
        return view.state, view.reason, found[0] if found else None
    except LabdError as error:
        return state(name, models), error.message, None


def _static(door: Door) -> dict[str, Any]:
    protocol = "numpy" if door.protocol == "npy" else door.protocol
    return {
        "num_expanded_worker_process": 0,
        "navigator -> worker": [],
        "worker -> sink": "",
        "num_concurrent_socket": 0,
        "main_batch_size": 0,
        "server_start_time": str(datetime.fromtimestamp(STARTED)),
        "python_version": platform.python_version(),
        "server_version": CLIENT_VERSION,
        "server_pid": os.getpid(),
        "pyzmq_version": NOBODY,
        "zmq_version": NOBODY,
        "target_max_seq_len": None,
        **door.info,
        "protocol": protocol,
        "port": door.port,
        "port_out": door.port_out,
    }


def _answers(figures: ModelStatistics | None) -> dict[str, Any]:
    if figures is None or not figures.computing.count:
        loaded = (
            {"total_job_in_queue": figures.queued + figures.in_flight}
            if figures
            else {"total_job_in_queue": 0}
        )
        return loaded | {"maximum_job_in_queue": 0, "total_processed_job": 0, "util": 0, "ideal_maxload": 0}
    busy = figures.computing.seconds
    load = len(figures.workers) * figures.rows / busy if busy else 0.0
    flight = figures.queued + figures.in_flight
    return {
        "total_job_in_queue": flight,
        "maximum_job_in_queue": flight,
        "total_processed_job": figures.succeeded + figures.failed,
        "util": min(1.0, figures.in_flight / max(1, len(figures.workers))),
        "ideal_maxload": load,
        "others": _others(figures, busy),
    }


def _others(figures: ModelStatistics, busy: float) -> dict[str, Any]:
    """Means by name; *busy* is the seconds of all batches."""
    means = {
        "sys_batchsize": figures.rows / max(1, figures.batches),
        "sys_predict": busy * 1000 / max(1, figures.rows),
        "latency": figures.latency.seconds * 1000 / max(1, figures.latency.count),
        **figures.custom,
    }
    return {name: _spread([mean]) for name, mean in means.items()}


def _spread(values: Any) -> dict[str, float]:
    ordered = sorted(map(float, values))
    mean = sum(ordered) / len(ordered)
    deviation = (sum((each - mean) ** 2 for each in ordered) / len(ordered)) ** 0.5
    return {
        "avg_stat": mean,
        "min_stat": ordered[0],
        "max_stat": ordered[-1],
        "std_stat": deviation,
        "med_stat": ordered[len(ordered) // 2],
    }
