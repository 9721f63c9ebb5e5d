"""Starting the zygote. Imports no trio: the daemon calls this first, while it is still small."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from typing import NamedTuple

_ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
_CODE = """
import sys
sys.path.append(sys.argv[2])
from labd.jobs.shim.zygote import main
main(int(sys.argv[1]))
"""


class Zygote(NamedTuple):
    """A zygote and our end of its socket. It exits when that is closed."""

    process: subprocess.Popen[bytes]
    socket: socket.socket

    @property
    def pid(self) -> int:
        return self.process.pid


def start_zygote() -> Zygote:
    """Start a zygote; it inherits its socket and standard error alone. Raises OSError."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with theirs:
        try:
            process = subprocess.Popen(
                [sys.executable, "-I", "-S", "-X", "utf8", "-c", _CODE, str(theirs.fileno()), _ROOT],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                start_new_session=True,
            )
        except OSError:
            ours.close()
            raise
    return Zygote(process, ours)
