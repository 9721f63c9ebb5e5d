"""The pool of processes that fetch jobs and ask servers: the class for one, and who holds them."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import time
from argparse import Namespace
from typing import Any, Self

from labd_wkr import settling
from labd_wkr.logs import LoggerSeperate
from labd_wkr.pool import Pool
from labd_wkr.post import Post
from labd_wkr.talk import Talk

FORK = multiprocessing.get_context("fork")
PAUSE = 0.01
"""Seconds between two calls of ``do_work``."""


class WKRWorker(FORK.Process):  # type: ignore[misc, name-defined]
    """One process with one connection to a server: override ``get_model``, ``do_work`` and ``off_model``.

    What ``do_work`` took from a queue of :class:`RedisHandler` counts as done when it returns, and goes back
    to the queue when it raises.
    """

    def __init__(self, idx: int, ip: str, port: int, port_out: int, logdir: str | None = None) -> None:
        super().__init__(daemon=True)
        self.idx, self.ip, self.port, self.port_out, self.logdir = idx, ip, port, port_out, logdir
        self.exit_flag, self.is_ready = FORK.Event(), FORK.Event()
        self.logger = LoggerSeperate(f"WORKER-{ip}-{idx:03d}", "green", logdir, prefix="WKRClient")

    def get_model(self, ip: str, port: int, port_out: int) -> Any:
        """Connect; what is returned is given to ``do_work``."""
        raise NotImplementedError("WKRWorker:get_model() not implemented")

    def do_work(self, model: Any, logger: Any) -> None:
        """Do one job."""
        raise NotImplementedError("WKRWorker:do_work() not implemented")

    def off_model(self, model: Any) -> None:
        """Close what ``get_model`` opened."""
        raise NotImplementedError("WKRWorker:off_model() not implemented")

    def run(self) -> None:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # whoever started the pool ends it
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        settling.hold()
        holder = os.getppid()
        model = self.get_model(self.ip, self.port, self.port_out)
        self.is_ready.set()
        self.logger.info(
            f"INIT DONE\tidx: {self.idx}\tip: {self.ip}\tport: {self.port}\tport_out: {self.port_out}"
        )
        while not self.exit_flag.is_set() and os.getppid() == holder:
            self._work(model)
            time.sleep(PAUSE)
        self.off_model(model)
        self.logger.info("EXITED")

    def close(self) -> None:
        """Let it finish its job and end; waits for that."""
        self.exit_flag.set()
        self.join()

    def _work(self, model: Any) -> None:
        try:
            self.do_work(model, self.logger)
        except Exception as error:
            self.logger.error(f"error: {error}")
            settling.settle(done=False)
        else:
            settling.settle(done=True)


class WKRDecentralizeCentral(threading.Thread):
    """Holds ``num_client`` processes of *worker_skeleton* for each server of ``remote_servers``.

    ``start()`` and ``join()``, or ``with``, which waits until all are ready. Controlled by messages to its
    port.
    """

    def __init__(self, worker_skeleton: type[WKRWorker], args: Namespace) -> None:
        super().__init__(daemon=True)
        if not issubclass(worker_skeleton, WKRWorker):
            raise AssertionError("worker_skeleton must inherit from class WKRWorker")
        self.args, self.port, self.port_out = args, args.port, args.port_out
        self.is_ready = threading.Event()
        self.logger = LoggerSeperate("CENTRAL", "red", args.log_dir, prefix="WKRClient")
        make = worker_skeleton

        def start(number: int, server: list[Any]) -> WKRWorker:
            ip, port, port_out = server
            process = make(number, ip, port, port_out, logdir=args.log_dir)
            process.start()
            return process

        self.pool = Pool(start, args.remote_servers, args.num_client, self.logger)
        self._post = Post(self.pool, args, self.logger, self.is_ready.set)

    def run(self) -> None:
        self._post.run()

    def stop(self) -> None:
        """Let all finish their jobs, and end; does not wait for that."""
        self._post.stop()

    def close(self) -> None:
        """Let all finish their jobs, and end."""
        self.stop()
        self.join()

    def __enter__(self) -> Self:
        self.start()
        self.is_ready.wait()
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    # -- from elsewhere --------------------------------------------------------------------------

    @staticmethod
    def terminate(args: Namespace) -> None:
        """End the pool at ``args.ip`` and ``args.port``."""
        tell(args, b"TERMINATION")
        print(f"shutdown signal sent to {args.port}")

    @staticmethod
    def idle(args: Namespace) -> None:
        """End its processes, and have it wait for what it is told next."""
        tell(args, b"IDLE")
        print(f"idle signal sent to {args.port}")

    @staticmethod
    def restart_clients(args: Namespace) -> None:
        """Have new processes for all."""
        tell(args, b"RESTART_CLIENT")
        print(f"restart signal sent to {args.port}")

    @staticmethod
    def switch_server(args: Namespace) -> None:
        """Give it other servers, or another number of processes. Prints what it says."""
        wish = {"remote_servers": args.remote_servers, "number_clients": args.num_client}
        print(f"Switch server signal sent to {args.port}")
        print("Switch server successful with result", asked(args, b"SWITCH", wish))

    @staticmethod
    def show_config(args: Namespace) -> None:
        """Print what it holds."""
        print(f"Show config server signal sent to {args.port}")
        print(f"Current server config:\n{asked(args, b'SHOW_CONFIG', None)}")


def tell(args: Namespace, word: bytes, data: bytes = b"") -> None:
    """Send a command. Raises TimeoutError where nobody listens."""
    try:
        with Talk(b"PUSH", args.ip, args.port, args.timeout / 1000) as talk:
            talk.send([word, data])
    except OSError as error:
        raise TimeoutError(f"nobody listens at {args.ip}:{args.port}: {error}") from None


def asked(args: Namespace, word: bytes, wish: Any) -> Any:
    """What is answered to a command. Raises TimeoutError."""
    import json

    data = b"" if wish is None else json.dumps(wish).encode()
    try:
        with Talk(b"PULL", args.ip, args.port_out, args.timeout / 1000) as answers:
            tell(args, word, data)
            return json.loads(answers.receive(args.timeout / 1000)[0])
    except OSError as error:
        raise TimeoutError(f"no answer from {args.ip}:{args.port_out}: {error}") from None


__all__ = ["WKRWorker", "WKRDecentralizeCentral"]
