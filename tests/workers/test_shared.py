"""Arrays in shared memory: both ends in one process, each with a mapping of its own."""

import os

import msgpack
import pytest

from labd.errors import ProtocolError
from labd.workers import shared

numpy = pytest.importorskip("numpy")
SIZE = 2**20


@pytest.fixture
def ends():
    fd = shared.create("labd-test", SIZE)
    sender = shared.Sender(shared.attach(fd, shared.WRITE))
    yield sender, lambda copy: shared.Receiver(shared.attach(fd, shared.READ), copy=copy)
    os.close(fd)


def packed(sender, value):
    data = msgpack.packb(value, default=sender.default)
    sender.settle(True)
    return data


def test_the_memory_can_be_neither_cut_off_nor_grown():
    fd = shared.create("labd-test", SIZE)
    try:
        for size in (0, SIZE - 1, SIZE + 1):
            with pytest.raises(PermissionError):
                os.ftruncate(fd, size)
    finally:
        os.close(fd)


def test_a_range_comes_back_with_the_last_view(ends):
    sender, receiver = ends
    receiver = receiver(False)
    view = msgpack.unpackb(packed(sender, numpy.arange(50_000)), ext_hook=receiver.extension)
    part = view[10:20].reshape(2, 5)
    del view
    assert receiver.done() == []
    assert part.sum() == 145
    del part
    assert receiver.done() == [0]
    sender.freed([0])
    assert sender.arena.held == 0


def test_a_copy_is_done_at_once_and_stays_as_it_was(ends):
    sender, receiver = ends
    receiver = receiver(True)
    first = msgpack.unpackb(packed(sender, numpy.zeros(50_000)), ext_hook=receiver.extension)
    sender.freed(receiver.done())
    msgpack.unpackb(packed(sender, numpy.ones(50_000)), ext_hook=receiver.extension)
    assert first.sum() == 0


def test_small_ones_and_those_that_do_not_fit_travel_in_the_message(ends):
    sender, receiver = ends
    small, large = numpy.arange(10), numpy.arange(SIZE, dtype="<i8")
    assert len(packed(sender, large)) > SIZE
    back = msgpack.unpackb(packed(sender, [small, large]), ext_hook=receiver(False).extension)
    assert (back[0] == small).all()
    assert (back[1] == large).all()
    assert sender.arena.held == 0


def test_what_was_not_sent_is_taken_back(ends):
    sender, _ = ends
    msgpack.packb(numpy.zeros(50_000), default=sender.default)
    assert sender.arena.held
    sender.settle(False)
    assert sender.arena.held == 0


@pytest.mark.parametrize(
    "lie",
    [
        ["<f8", [SIZE], 0], ["<f8", [10], SIZE], ["<f8", [10], -64], ["<f8", [10], 1], ["<f8", [0], 0],
        ["<f8", [2**62, 2**62], 0], ["|O", [10], 0], ["<f8", [10], "0"], ["<f8", [10], 2**62], [], 7,
    ],
)  # fmt: skip
@pytest.mark.parametrize("copy", [False, True])
def test_no_lie_leads_out_of_the_memory(ends, lie, copy):
    _, receiver = ends
    with pytest.raises(ProtocolError):
        receiver(copy).extension(shared.SHARED_EXT, msgpack.packb(lie))


@pytest.mark.parametrize("starts", [[0], [7], 7, None, ["a"], [[1]]])
def test_what_nobody_has_cannot_be_given_back(ends, starts):
    with pytest.raises(ProtocolError):
        ends[0].freed(starts)
