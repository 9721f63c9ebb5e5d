"""numpy arrays through shared memory: MessagePack ext type 2, ``[dtype, shape, where]``.

Each direction has a sealed memfd that one side writes. The receiver says when it no longer looks at a
range (``_free``), and not before is it written again. So a view in the child never changes, however long
its code keeps it; while all is kept, arrays travel inside the message instead. The daemon copies what
it receives: a child may change its own memory at any moment, and seals keep it from shrinking it.
"""

import fcntl
import mmap
import os
from collections.abc import Callable
from typing import Any

import msgpack

from labd.blocks import Block
from labd.errors import ProtocolError
from labd.wire import arrays
from labd.workers.arena import ALIGN, Arena

SHARED_EXT = 2
LEAST = 16_384
"""Smaller arrays travel inside the message: that costs less."""


def create(name: str, size: int) -> int:
    """A memfd of *size* bytes that nobody can shrink or grow. Raises OSError."""
    fd = os.memfd_create(name, os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    try:
        os.ftruncate(fd, size)
        fcntl.fcntl(fd, fcntl.F_ADD_SEALS, fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SEAL)
    except OSError:
        os.close(fd)
        raise
    return fd


def attach(fd: int, access: int) -> mmap.mmap | None:
    """Map all of *fd*; None when it is empty."""
    size = os.fstat(fd).st_size
    return mmap.mmap(fd, size, mmap.MAP_SHARED, access) if size else None


READ, WRITE = mmap.PROT_READ, mmap.PROT_READ | mmap.PROT_WRITE


class Sender:
    """Puts arrays into *memory*; without memory, or when it is full, into the message."""

    def __init__(self, memory: mmap.mmap | None) -> None:
        self._memory = memory
        self.arena = Arena(0 if memory is None else len(memory))
        self._fresh: list[int] = []

    def default(self, value: Any) -> Any:
        """The hook of msgpack for what it does not know; TypeError for what cannot travel."""
        return self._place(value) if getattr(value, "nbytes", 0) >= LEAST else arrays.convert(value)

    def settle(self, sent: bool) -> None:
        """The message is made: what was placed for it counts, or is taken back when it was not *sent*."""
        fresh, self._fresh = self._fresh, []
        if not sent:
            self.freed(fresh)

    def freed(self, starts: Any) -> None:
        """The receiver is done with the ranges at *starts*; ProtocolError when it never had one."""
        try:
            for start in starts:
                self.arena.give(start)
        except (KeyError, TypeError):
            raise ProtocolError("the peer gave back shared memory that it did not have") from None

    def _place(self, array: Any) -> Any:
        if isinstance(array, Block):
            return self._lay(array)
        import numpy

        if not isinstance(array, numpy.ndarray) or self._memory is None:
            return arrays.convert(array)
        kind = array.dtype.newbyteorder("<")
        start = self.arena.take(array.nbytes) if kind.str in arrays.ITEM_SIZES else None
        if start is None:
            return arrays.convert(array)
        self._fresh.append(start)
        numpy.frombuffer(self._memory, kind, array.size, start).reshape(array.shape)[...] = array
        return msgpack.ExtType(SHARED_EXT, msgpack.packb([kind.str, list(array.shape), start]))

    def _lay(self, block: Block) -> Any:
        memory = self._memory
        start = None if memory is None else self.arena.take(block.nbytes)
        if memory is None or start is None:
            return arrays.pack_block(block)
        self._fresh.append(start)
        at = start
        for part in block.parts:
            memory[at : at + len(part)] = part
            at += len(part)
        return msgpack.ExtType(SHARED_EXT, msgpack.packb([block.kind, block.shape, start]))


class Receiver:
    """Finds arrays in *memory*: a read-only view in the child, a *copy* in the daemon.

    *plain*: what comes are blocks, and nothing of numpy.
    """

    def __init__(self, memory: mmap.mmap | None, *, copy: bool, plain: bool = False) -> None:
        self._memory = memory
        self._copy, self._plain = copy, plain
        self._done: list[int] = []
        self._address = 0

    def extension(self, code: int, data: bytes) -> Any:
        """The hook of msgpack for ext types; ProtocolError for what is not an array in our memory."""
        if code != SHARED_EXT:
            plain = self._plain and code == arrays.ARRAY_EXT
            return arrays.unpack_block(data) if plain else arrays.extension(code, data)
        kind, shape, start = arrays.head(data)
        size = arrays.size_of(kind, shape)
        have = 0 if self._memory is None else len(self._memory)
        if type(start) is not int or start < 0 or start % ALIGN or not 0 < size <= have - start:
            raise ProtocolError(f"the peer sent an array outside of the {have} bytes of shared memory")
        if self._plain:
            return self._cut(kind, shape, start, size)
        return self._copied(kind, shape, start) if self._copy else self._view(kind, shape, start)

    def done(self) -> list[int]:
        """The ranges that nobody looks at any more, since the last time."""
        done, self._done = self._done, []
        return done

    def _cut(self, kind: str, shape: list[int], start: int, size: int) -> Block:
        assert self._memory is not None
        self._done.append(start)
        return Block([self._memory[start : start + size]], kind, shape)

    def _copied(self, kind: str, shape: list[int], start: int) -> Any:
        import numpy

        assert self._memory is not None
        count = arrays.size_of(kind, shape) // arrays.ITEM_SIZES[kind]
        self._done.append(start)
        return numpy.frombuffer(self._memory, kind, count, start).reshape(shape).copy()

    def _view(self, kind: str, shape: list[int], start: int) -> Any:
        import numpy

        assert self._memory is not None
        if not self._address:
            self._address = numpy.frombuffer(self._memory, "|u1", 1).__array_interface__["data"][0]
        return numpy.asarray(_Slot(kind, shape, self._address + start, start, self._done_with))

    def _done_with(self, start: int) -> None:
        self._done.append(start)


class _Slot:
    """What a view is made from and keeps alive: it goes with the last view."""

    def __init__(
        self, kind: str, shape: list[int], address: int, start: int, done: Callable[[int], None]
    ) -> None:
        self.__array_interface__ = {
            "version": 3, "typestr": kind, "shape": tuple(shape), "data": (address, True),
        }  # fmt: skip
        self._start, self._tell = start, done

    def __del__(self) -> None:
        self._tell(self._start)
