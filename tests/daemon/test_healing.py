"""R17, R18: a store that fails is tried again until it works, and memory follows the disk."""

import trio

from labd.daemon.healing import Healer
from labd.errors import StoreUnavailable


class FlakyStore:
    """Fails to reopen so many times."""

    def __init__(self, failures):
        self.failures, self.failing = failures, trio.Event()
        self.cause = StoreUnavailable("the disk is full")

    async def wait_failed(self):
        await self.failing.wait()

    async def reopen(self):
        self.failures -= 1
        if self.failures >= 0:
            raise StoreUnavailable("still full")
        self.failing = trio.Event()


async def test_r17_it_heals_by_itself_and_reads_the_disk_twice(nursery, autojump_clock):
    store, loads, healed = FlakyStore(4), [], trio.Event()
    said = []

    def told(cause, seconds):
        said.append((cause, seconds))
        healed.set()

    healer = Healer(store, lambda: loads.append(trio.current_time()), told)
    await nursery.start(healer.run)
    store.failing.set()
    await healed.wait()
    assert len(loads) == 2
    assert said == [("the disk is full", 0.25 + 0.5 + 1 + 2 + 4)]


async def test_a_disk_that_cannot_even_be_read_does_not_end_the_healing(nursery, autojump_clock):
    store, healed, answers = FlakyStore(0), trio.Event(), [StoreUnavailable("no"), None]

    def load():
        if answer := answers.pop(0):
            raise answer

    await nursery.start(Healer(store, load, lambda cause, seconds: healed.set()).run)
    store.failing.set()
    await healed.wait()
