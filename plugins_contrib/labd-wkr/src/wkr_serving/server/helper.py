"""Parsers of the old command line, and imports of frameworks for one device."""

from __future__ import annotations

import argparse
import importlib
import logging
import os
import sys
import time
from collections.abc import Callable
from typing import Any

from labd_wkr.logs import LoggerSeperate, set_logger

__all__ = [
    "get_args_parser", "get_run_args", "get_shutdown_parser", "import_tf", "import_torch", "import_mxnet",
    "check_tf_version", "set_logger", "LoggerSeperate", "import_class_from_local", "TimeContext",
]  # fmt: skip

VERSION = "2.0.1"


def get_args_parser() -> argparse.ArgumentParser:
    """The flags of ``wkr-serving-start``; all have one dash."""
    parser = argparse.ArgumentParser(description="Serve a worker class.", allow_abbrev=False)
    add = parser.add_argument
    add("-model_dir", default=".", help="folder of models")
    add("-model_name", help="file of the model")
    add("-tmp_folder", default="tmp_wkr", help="folder below model_dir for temporary files")
    add("-gpu_memory_fraction", type=float, default=0.2, help="part of a GPU's memory for each worker")
    add("-num_worker", type=int, default=1, help="worker processes")
    add("-batch_size", type=int, default=10, help="most items of a batch")
    add(
        "-batch_group_timeout",
        type=int,
        default=5,
        help="accepted; a batch waits only while all workers are busy",
    )
    add("-cpu", action="store_true", help="run all workers on the CPU")
    add("-device_map", type=int, nargs="+", default=[-1], help="GPU of each worker in turn, -1 for the CPU")
    add("-num_worker_expanded", type=int, default=0, help="accepted, without effect")
    add("-device_to_expand", type=_number, nargs="+", default=[0], help="accepted, without effect")
    add("-busy_util_threshold", type=float, default=0.95, help="accepted, without effect")
    add("-duration_expand", type=int, default=300_000, help="accepted, without effect")
    add("-duration_squeeze", type=int, default=600_000, help="accepted, without effect")
    add("-protocol", choices=["obj", "numpy", "npy"], default="obj", help="what clients send")
    add("-port", "-port_in", "-port_data", type=int, required=True, help="port of requests")
    add("-port_out", "-port_result", type=int, required=True, help="port of answers")
    add("-http_port", type=int, help="port of HTTP")
    add("-http_max_connect", type=int, default=20, help="accepted, without effect")
    add("-http_concurent_retry_num", type=int, default=100, help="accepted, without effect")
    add("-http_concurent_retry_gap", type=float, default=0.05, help="accepted, without effect")
    add("-http_stat_dashboard", default="none", help="accepted, without effect")
    add("-cors", default="*", help="web site whose pages may ask")
    add("-log_dir", help="folder of log files")
    add(
        "-trust",
        nargs="+",
        default=[],
        metavar="NETWORK",
        help="networks whose hosts are let in, as 10.1.0.0/16",
    )
    add("-verbose", action="store_true", help="log more")
    add("-version", action="version", version=f"%(prog)s {VERSION}")
    return parser


def get_shutdown_parser() -> argparse.ArgumentParser:
    """The flags of ``wkr-serving-terminate``."""
    parser = argparse.ArgumentParser(description="Ask a server to stop.", allow_abbrev=False)
    parser.add_argument("-ip", default="localhost", help="host of the server")
    parser.add_argument(
        "-port", "-port_in", "-port_data", type=int, required=True, help="its port of requests"
    )
    parser.add_argument("-timeout", type=int, default=5000, help="milliseconds to reach it")
    return parser


def get_run_args(
    parser_fn: Callable[[], argparse.ArgumentParser] = get_args_parser, printed: bool = True
) -> Any:
    """The arguments of this program, shown as a table."""
    args = parser_fn().parse_args()
    if printed:
        show(args)
    return args


def show(args: argparse.Namespace) -> None:
    """Print *args* as a table."""
    lines = [f"{key:>20} = {value}" for key, value in sorted(vars(args).items())]
    print("usage:", " ".join(sys.argv), f"\n{'ARG':>20}   VALUE\n{'_' * 50}", *lines, "", sep="\n")


def _number(text: str) -> int:
    """A number, also as a list writes it: old scripts have ``[0]``."""
    return int(text.strip("[], "))


def _see(device_id: int) -> None:
    os.environ["CUDA_VISIBLE_DEVICES"] = str(device_id) if device_id >= 0 else "-1"


def import_tf(device_id: int = -1, verbose: bool = False, use_fp16: bool = False) -> Any:
    """TensorFlow, on the GPU *device_id* only, or on the CPU."""
    _see(device_id)
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "0" if verbose else "3"
    for name in ("TF_FP16_MATMUL_USE_FP32_COMPUTE", "TF_FP16_CONV_USE_FP32_COMPUTE"):
        os.environ[name] = "0" if use_fp16 else "1"
    tensorflow = importlib.import_module("tensorflow")
    tensorflow.get_logger().setLevel(logging.DEBUG if verbose else logging.ERROR)
    return tensorflow


def import_torch(
    device_id: int = -1, verbose: bool = False, use_fp16: bool = False, enable_benchmark: bool = True,
    reduce_thread: bool = False,
) -> Any:  # fmt: skip
    """PyTorch, on the GPU *device_id* only, or on the CPU."""
    _see(device_id)
    torch = importlib.import_module("torch")
    torch.backends.cudnn.benchmark = enable_benchmark
    if reduce_thread:
        torch.set_num_threads(1)
    return torch


def import_mxnet(device_id: int = -1, *_: Any, **__: Any) -> Any:
    """MXNet, on the GPU *device_id* only, or on the CPU."""
    _see(device_id)
    return importlib.import_module("mxnet")


def check_tf_version() -> Any:
    """The version of TensorFlow as numbers."""
    return tuple(map(int, importlib.import_module("tensorflow").__version__.split(".")[:2]))


def import_class_from_local(name: str) -> Any:
    """The class FILE.Class of the present folder. Raises ImportError."""
    from labd_wkr.loader import find

    return find(name, os.getcwd())


class TimeContext:
    """Prints *msg*, and how long the block took."""

    def __init__(self, msg: str) -> None:
        self._msg = msg

    def __enter__(self) -> None:
        self.start = time.perf_counter()
        print(self._msg, end=" ...\t", flush=True)

    def __exit__(self, *exc: object) -> None:
        self.duration = time.perf_counter() - self.start
        print(f"[{self.duration:3.3f} s]", flush=True)
