"""Parsers of the old commands, and the queue in Redis."""

from __future__ import annotations

import argparse
import atexit
import json
import sys
from collections.abc import Mapping
from typing import Any

from labd_wkr import settling
from labd_wkr.logs import LoggerSeperate
from labd_wkr.logs import set_logger as _set_logger
from labd_wkr.redis_queue import ReliableQueue
from labd_wkr.servers import servers

from wkr_serving.server.helper import get_run_args as _run_args

__all__ = [
    "set_logger", "LoggerSeperate", "get_args_parser", "get_status_parser", "get_switch_parser",
    "get_shutdown_parser", "get_run_args", "get_redis_connection", "RedisHandler",
    "check_remote_server_config",
]  # fmt: skip


class RedisHandler:
    """A queue of JSON objects in Redis; needs the package ``redis``.

    ``pop`` gives the newest. What was popped is not lost: in a pool's ``do_work`` it is done when that
    returns, and goes back when that raises. Elsewhere it is done at the next ``pop``, at ``close`` and when
    the program ends well. After a crash, or ``kill -9``, it goes back.
    """

    def __init__(self, queue_key: str, ip: str, port: int, db: int = 0, password: str | None = None) -> None:
        self.queue_key = queue_key
        self.client = get_redis_connection(ip, port, db=db, password=password)
        self._queues: dict[str, ReliableQueue] = {}
        self._taken: list[tuple[ReliableQueue, bytes]] = []
        self.held = settling.register(self)
        if not self.held:
            atexit.register(self._leave)

    def push(self, data: Mapping[str, Any], custom_queue: str | None = None) -> None:
        """Add *data* to the queue."""
        self._queue(custom_queue).put(json.dumps(dict(data)))

    def pop(self, custom_queue: str | None = None) -> Any:
        """The newest of the queue, None for none. Raises ValueError for what is no JSON."""
        if not self.held:
            self.settle(done=True)
        queue = self._queue(custom_queue)
        job = queue.take()
        if job is None:
            return None
        self._taken.append((queue, job))
        return json.loads(job)

    def set(self, key: str, value: Any) -> None:
        """Set *key* in Redis."""
        self.client.set(key, value)

    def settle(self, done: bool) -> None:
        """What was popped is *done*, or goes back."""
        taken, self._taken = self._taken, []
        for queue, job in taken:
            if done:
                queue.done(job)
            else:
                queue.back(job)

    def close(self) -> None:
        """Leave; what was popped is done."""
        if not self.held:
            atexit.unregister(self._leave)
            self.settle(done=True)
        for queue in self._queues.values():
            queue.close()
        self._queues.clear()
        self.client.close()

    def _leave(self) -> None:
        """The program ends: well, or by an exception."""
        self.settle(done=not hasattr(sys, "last_value"))
        self.close()

    def _queue(self, custom: str | None) -> ReliableQueue:
        key = self.queue_key if custom is None else custom
        if key not in self._queues:
            self._queues[key] = ReliableQueue(self.client, key)
        return self._queues[key]


def get_redis_connection(ip: str, port: int, db: int = 0, password: str | None = None) -> Any:
    """A client of the package ``redis``. Raises ImportError where that is not installed."""
    try:
        import redis
    except ImportError:
        raise ImportError("RedisHandler needs the package redis: pip install 'labd-wkr[redis]'") from None
    return redis.Redis(host=ip, port=int(port), db=db, password=password)


def set_logger(
    context: str, logger_dir: str | None = None, verbose: bool = False, error_log: bool = False
) -> Any:
    """A logger whose lines begin with *context*."""
    return _set_logger(context, logger_dir, verbose, error_log, prefix="WKRClient")


def check_remote_server_config(value: str) -> Any:
    """The servers in *value*. Raises ArgumentTypeError."""
    try:
        return servers(value)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


class _Servers(argparse.Action):
    """Joins what a shell took apart: ``[[host, 1, 2], [host, 3, 4]]`` without quotes is six words."""

    def __call__(self, parser: Any, namespace: Any, values: Any, option_string: Any = None) -> None:
        try:
            setattr(namespace, self.dest, servers(" ".join(values)))
        except ValueError as error:
            parser.error(f"{option_string}: {error}")


def _parser(text: str, *, port_out: bool = True) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=text, allow_abbrev=False)
    parser.add_argument("-ip", default="localhost", help="host of the pool")
    parser.add_argument(
        "-port", "-port_in", "-port_data", type=int, required=True, help="its port of commands"
    )
    if port_out:
        parser.add_argument("-port_out", "-port_pull", type=int, required=True, help="its port of answers")
    parser.add_argument("-timeout", type=int, default=5000, help="milliseconds to wait")
    return parser


def get_args_parser() -> argparse.ArgumentParser:
    """The flags of ``wkr-decentral-start``."""
    parser = _parser("Hold a pool of clients.")
    parser.add_argument("-num_client", type=int, default=24, help="processes for each server")
    parser.add_argument(
        "-remote_servers", nargs="+", action=_Servers, required=True, help="[[host, port, port_out], ...]"
    )
    parser.add_argument("-log_dir", help="folder of log files")
    parser.add_argument("-http_port", type=int, help="port at which HTTP tells what the pool holds")
    parser.add_argument(
        "-trust", nargs="+", default=[], metavar="NETWORK", help="networks whose hosts are let in"
    )
    return parser


def get_switch_parser() -> argparse.ArgumentParser:
    """The flags of ``wkr-decentral-switch``."""
    parser = _parser("Give a pool other servers.")
    parser.add_argument(
        "-num_client", type=int, default=0, help="processes for each server, 0 for as many as before"
    )
    parser.add_argument("-remote_servers", nargs="+", action=_Servers, help="[[host, port, port_out], ...]")
    return parser


def get_status_parser() -> argparse.ArgumentParser:
    """The flags of ``wkr-decentral-status``."""
    return _parser("Print what a pool holds.")


def get_shutdown_parser() -> argparse.ArgumentParser:
    """The flags of ``wkr-decentral-terminate``, ``-idle`` and ``-restart``."""
    return _parser("Control a pool.", port_out=False)


def get_run_args(parser_fn: Any = get_args_parser, printed: bool = True) -> Any:
    """The arguments of this program, shown as a table."""
    return _run_args(parser_fn, printed)
