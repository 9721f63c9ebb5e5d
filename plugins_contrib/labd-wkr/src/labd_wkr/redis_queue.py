"""A queue in Redis of which nothing is lost: what is taken stays in a list of its taker until it is done.

Who was killed is found by others: by its process where that was on the same machine, else by a sign of life
that ends. What it had goes back to the queue. So each job is done at least once, and may be done twice.
"""

import hashlib
import os
import socket
import threading
import time
from pathlib import Path
from typing import Any

LEASE = 30.0
"""Seconds that a taker counts as alive after its last sign of life; one is given three times as often."""

ATTEMPTS = 3
"""How often a job is tried before it is set aside."""


class ReliableQueue:
    """The list *key* of the Redis *client* (the package ``redis``, Redis 6.2 or newer).

    Jobs are bytes. ``KEY:failed`` has those that failed *attempts* times. *lease* is seconds.
    """

    def __init__(self, client: Any, key: str, lease: float = LEASE, attempts: int = ATTEMPTS) -> None:
        self.client, self.key = client, key
        self.failed_key = f"{key}:failed"
        self._lease, self._attempts = lease, attempts
        self._me = _who()
        self._mine = f"{key}:taken:{self._me}"
        self._looked = 0.0
        self._closed = threading.Event()
        self._thread: threading.Thread | None = None

    def put(self, job: bytes | str) -> None:
        """Add a job, which is the next to be taken."""
        self.client.rpush(self.key, job)

    def take(self) -> bytes | None:
        """The newest job, None for none. Say :meth:`done` or :meth:`back` of it."""
        self._begin()
        if time.monotonic() - self._looked > self._lease / 3:
            self.recover()
        found: bytes | None = self.client.lmove(self.key, self._mine, "RIGHT", "LEFT")
        return found

    def done(self, job: bytes) -> bool:
        """*job* is done; whether it was still this taker's."""
        removed = bool(self.client.lrem(self._mine, 1, job))
        self.client.hdel(f"{self.key}:attempts", _digest(job))
        return removed

    def back(self, job: bytes) -> None:
        """*job* was not done: it goes to the far end of the queue, or aside after its last attempt."""
        self._return(self._mine, job)

    def recover(self) -> int:
        """Give back what takers had who are no more; how many jobs."""
        self._looked = time.monotonic()
        count = 0
        for each in self.client.smembers(f"{self.key}:takers"):
            who = each.decode()
            if who != self._me and not self._lives(who):
                count += self._bury(who)
        return count

    def close(self) -> None:
        """Take no more. What was taken, and is neither done nor back, goes back."""
        self._closed.set()
        for job in self.client.lrange(self._mine, 0, -1):
            self.back(job)
        self.client.srem(f"{self.key}:takers", self._me)
        self.client.delete(f"{self.key}:alive:{self._me}")

    # -- inside ----------------------------------------------------------------------------------

    def _begin(self) -> None:
        """Be known as a taker before anything is taken, and give signs of life."""
        if self._thread is None:
            self._sign()
            self.client.sadd(f"{self.key}:takers", self._me)
            self._thread = threading.Thread(target=self._live, daemon=True)
            self._thread.start()

    def _live(self) -> None:
        while not self._closed.wait(self._lease / 3):
            try:
                self._sign()
            except Exception:  # Redis is away: the next sign may get there
                continue

    def _sign(self) -> None:
        self.client.set(f"{self.key}:alive:{self._me}", 1, px=int(self._lease * 1000))

    def _lives(self, who: str) -> bool:
        place, _, process = who.rpartition("/")
        if place == self._me.rpartition("/")[0]:
            return _process_lives(process)
        return bool(self.client.exists(f"{self.key}:alive:{who}"))

    def _bury(self, who: str) -> int:
        taken = f"{self.key}:taken:{who}"
        jobs = self.client.lrange(taken, 0, -1)
        for job in jobs:
            self._return(taken, job)
        self.client.srem(f"{self.key}:takers", who)
        return len(jobs)

    def _return(self, taken: str, job: bytes) -> None:
        """Move *job* from *taken* in one step; of two who do so at once only one has it."""
        tried = self.client.hincrby(f"{self.key}:attempts", _digest(job), 1)
        target = self.failed_key if tried >= self._attempts else self.key
        script = (
            "if redis.call('lrem', KEYS[1], 1, ARGV[1]) == 1 then redis.call('lpush', KEYS[2], ARGV[1]) end"
        )
        self.client.eval(script, 2, taken, target, job)
        if target == self.failed_key:
            self.client.hdel(f"{self.key}:attempts", _digest(job))


def _digest(job: bytes) -> str:
    return hashlib.sha256(job).hexdigest()


def _who() -> str:
    """This process, as no other is called: machine, its numbering of processes, number and start."""
    space = os.stat("/proc/self/ns/pid").st_ino
    boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    return f"{socket.gethostname()}:{boot}:{space}/{os.getpid()}-{_start(os.getpid())}-{os.urandom(4).hex()}"


def _process_lives(process: str) -> bool:
    pid, start, _ = process.split("-")
    return _start(int(pid)) == start


def _start(pid: int) -> str:
    """When the process *pid* began; empty for none, or one that is dead already."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return ""
    return "" if fields[0] in "ZX" else fields[19]
