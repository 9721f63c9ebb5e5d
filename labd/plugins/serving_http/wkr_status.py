"""What ``GET /status/server`` of wkr_serving said, by the names that its dashboard reads. Pure.

Plain values only. What a server of today has none of (addresses between its processes, its flags) is there
as nothing, so that whoever reads it finds every name.
"""

import platform
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from labd.api import ModelStatistics, ModelView
from labd.api.serving import Durations

VERSION = "1.0.0-b"
"""The version of the original client, which compares it with its own."""

FLAGS: dict[str, Any] = {
    "batch_group_timeout": 0, "busy_util_threshold": 0.95, "cors": "", "cpu": False, "device_to_expand": [],
    "duration_expand": 0, "duration_squeeze": 0, "gpu_memory_fraction": 0.0, "http_concurent_retry_gap": 0.0,
    "http_concurent_retry_num": 0, "http_max_connect": 0, "http_port": 0, "http_stat_dashboard": "none",
    "log_dir": None, "model_dir": "", "model_name": None, "num_worker_expanded": 0, "port": 0, "port_out": 0,
    "protocol": "obj", "tmp_folder": "", "verbose": False, "worker_class": "",
}  # fmt: skip


def server(
    view: ModelView, flags: Mapping[str, Any], found: Sequence[ModelStatistics], since: datetime
) -> dict[str, Any]:
    """The status of the model that the old paths ask; *since* is when labd began.

    *flags* are the arguments of the model: those that have a name of the old command line are told.
    """
    now = found[0] if found else None
    devices = [worker.device for worker in now.workers] if now else []
    return {
        **{name: flags.get(name, usual) for name, usual in FLAGS.items()},
        "client": "http", "state": view.state, "reason": view.reason, "target_max_seq_len": None,
        "num_process": len(devices), "num_worker_process": len(devices), "num_expanded_worker_process": 0,
        "num_worker": view.workers, "batch_size": view.max_batch_size, "main_batch_size": view.max_batch_size,
        "device_map": devices, "main_device_map": devices, "num_concurrent_socket": 0,
        "navigator -> worker": [], "worker -> sink": "", "python_version": platform.python_version(),
        "server_version": VERSION, "pyzmq_version": "", "zmq_version": "",
        "server_current_time": str(datetime.now()), "server_start_time": str(since),
        "statistic": _counts(now, now.requests if now else 0),
        "statistic_postsink": {**_counts(now, _answers(now)), **_load(now)},
    }  # fmt: skip


def _answers(now: ModelStatistics | None) -> int:
    return now.succeeded + now.failed + now.expired if now else 0


def _counts(now: ModelStatistics | None, count: int) -> dict[str, Any]:
    return {
        "num_data_request": count, "num_total_seq": count, "num_sys_request": 0, "num_total_request": count,
        "num_exception": now.failed + now.expired if now else 0, "num_total_client": 0,
        "num_active_client": 0, "others": {},
    }  # fmt: skip


def _load(now: ModelStatistics | None) -> dict[str, Any]:
    if now is None:
        return {"total_job_in_queue": 0, "maximum_job_in_queue": 0, "total_processed_job": 0, "util": 0.0,
                "ideal_maxload": 0.0, "others": {}}  # fmt: skip
    waiting, seconds = now.queued + now.in_flight, now.computing.seconds
    ideal = len(now.workers) * now.rows / seconds if seconds else 0.0
    busy = sum(worker.state == "busy" for worker in now.workers) / max(1, len(now.workers))
    means = {
        "sys_batchsize": now.rows / max(1, now.batches), "sys_predict": seconds * 1000 / max(1, now.rows),
        "latency": _mean(now.latency) * 1000, **now.custom,
    }  # fmt: skip
    return {
        "total_job_in_queue": waiting, "maximum_job_in_queue": waiting, "total_processed_job": _answers(now),
        "util": busy, "ideal_maxload": ideal,
        "others": {name: _spread(mean) for name, mean in means.items()},
    }  # fmt: skip


def _mean(durations: Durations) -> float:
    return durations.seconds / max(1, durations.count)


def _spread(mean: float) -> dict[str, float]:
    """Only the mean is kept."""
    return {"avg_stat": mean, "min_stat": mean, "max_stat": mean, "std_stat": 0.0, "med_stat": mean}
