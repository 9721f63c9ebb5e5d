"""The server as a Python program starts it."""

from __future__ import annotations

import inspect
import threading
from argparse import Namespace
from typing import Any, Self

from labd_wkr.launch import Launch
from labd_wkr.talk import terminate

from wkr_serving.server.hard_worker import WKRHardWorker


class WKRServer(threading.Thread):
    """A labd of its own that serves *hardprocesser* at the ports of *args*.

    ``start()`` and ``join()``, or ``with``, which waits until it is ready.
    """

    def __init__(
        self, args: Namespace, hardprocesser: Any = WKRHardWorker, httpprocessor: Any = None
    ) -> None:
        super().__init__(daemon=True)
        if not (isinstance(hardprocesser, type) and issubclass(hardprocesser, WKRHardWorker)):
            raise AssertionError("hardprocesser must be a subclass of WKRHardWorker")
        self.args = args
        self._launch = Launch(args, *_place(hardprocesser))
        self.returncode: int | None = None

    def run(self) -> None:
        self.returncode = self._launch.run()

    def close(self) -> None:
        """Stop: what is in work is answered first."""
        self._launch.stop()
        self.join()

    @staticmethod
    def shutdown(args: Namespace) -> None:
        """Ask the server at ``args.ip`` and ``args.port`` to stop."""
        terminate(args.ip, args.port, args.timeout / 1000)

    def __enter__(self) -> Self:
        self.start()
        self._launch.wait_ready()
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()


def _place(found: type) -> tuple[str, str]:
    """The folder of the class, and FILE.Class. Raises TypeError for one that has no file."""
    from pathlib import Path

    path = Path(inspect.getfile(found)).resolve()
    if not path.exists():
        raise TypeError(f"{found.__name__} is in no file, from which each worker could load it")
    return str(path.parent), f"{path.stem}.{found.__name__}"
