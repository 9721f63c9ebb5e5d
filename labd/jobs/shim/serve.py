"""The life of a shim: one attempt, and after it others, for as long as the daemon has any for it.

A fork costs more than most of what a shim does. So a shim whose attempt left nothing behind offers itself
to the daemon, through a channel that only these two have, and takes the next attempt from there. When the
daemon goes, the channel ends, and the shim goes after its attempt, as it does without a channel.
"""

from __future__ import annotations

import os
import socket

from labd.jobs.shim import requests, shim

LONGEST = 200  # attempts of one shim: what the interpreter collects does not grow for ever


def serve(folder: str, lock: int, ctl: int, channel: socket.socket | None) -> None:
    """Own the attempt in *folder*, then those that come through *channel*.

    ``{"over": folder}`` is said when an attempt has its record and its lock is free.
    """
    shim.settle_in()
    for left in reversed(range(LONGEST)):
        clean = shim.run(folder, ctl)
        os.close(ctl)
        os.close(lock)
        if channel is None or not clean or not left:
            return
        try:
            requests.send(channel, {"over": folder})
            folder, lock, ctl = _next(channel)
        except OSError:
            return  # the daemon is gone, or another one is there
        if not folder:
            return


def _next(channel: socket.socket) -> tuple[str, int, int]:
    """The next attempt: its folder, lock and fifo; no folder when there is none any more."""
    while True:
        packet, held = requests.receive(channel)
        if not packet:
            return "", -1, -1
        try:
            folder = requests.folder_in(packet)
            ctl = requests.open_ctl(folder)
        except (OSError, ValueError, KeyError, TypeError) as error:
            for fd in held:
                os.close(fd)
            requests.send(channel, {"error": str(error)})
            continue
        requests.send(channel, {"pid": os.getpid()})
        return folder, held[0], ctl
