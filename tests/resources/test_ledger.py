"""The ledger grants what is there, to one holder at a time, and takes it back exactly."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labd.resources.ledger import MILLI, Capacity, Ledger, Request

MACHINE = Capacity(cores=4 * MILLI, memory=1000, gpus=(0, 1, 3))


@pytest.fixture
def ledger() -> Ledger:
    return Ledger(MACHINE)


def test_a_request_that_fits_is_granted(ledger):
    lease = ledger.take_nowait("a", Request(2 * MILLI, 500, gpus=2))
    assert lease.gpu_ids == (0, 1)
    assert ledger.statistics().cores_held == 2


@pytest.mark.parametrize(
    ("request_", "why"),
    [
        (Request(3 * MILLI), "3 cores (2 free)"),
        (Request(memory=600), "600 bytes of memory (500 bytes free)"),
        (Request(gpus=2), "2 GPUs (1 free)"),
        (Request(gpu_ids=(1,)), "GPU 1 (held by a)"),
    ],
)
def test_what_is_missing_is_said(ledger, request_, why):
    ledger.take_nowait("a", Request(2 * MILLI, 500, gpus=2))
    assert ledger.missing(request_) == why
    assert ledger.take_nowait("b", request_) is None


@pytest.mark.parametrize(
    ("request_", "why"),
    [
        (Request(5 * MILLI), "5 cores asked, this machine has 4"),
        (Request(memory=1001), "0.978 KiB of memory asked, this machine has 0.977 KiB"),
        (Request(gpus=4), "4 GPUs asked, this machine has GPUs 0, 1, 3"),
        (Request(gpu_ids=(2,)), "GPU 2 asked, this machine has GPUs 0, 1, 3"),
    ],
)
def test_what_can_never_be_is_told_from_what_must_wait(ledger, request_, why):
    assert ledger.impossible(request_) == why


def test_gpus_by_index_and_by_count_together(ledger):
    assert ledger.take_nowait("a", Request(gpus=2, gpu_ids=(3,))).gpu_ids == (3, 0)


def test_a_holder_asks_once(ledger):
    ledger.take_nowait("a", Request(MILLI))
    with pytest.raises(ValueError, match="a holds a lease already"):
        ledger.take_nowait("a", Request(MILLI))


def test_what_was_found_running_is_booked_even_when_it_no_longer_fits():
    ledger = Ledger(Capacity(MILLI, 0))
    ledger.claim("a", Request(3 * MILLI), ())
    assert ledger.missing(Request(1)) == "0.001 cores (0 free)"
    ledger.release("a")
    assert not ledger.missing(Request(MILLI))


def test_whoever_waits_is_told_of_a_release(ledger):
    told = []
    ledger.on_release = lambda: told.append(1)
    ledger.take_nowait("a", Request(MILLI))
    ledger.release("nobody")
    assert not told
    ledger.release("a")
    assert told


requests = st.builds(
    Request,
    cores=st.integers(0, 6000),
    memory=st.integers(0, 1500),
    gpus=st.integers(0, 4),
    gpu_ids=st.sets(st.integers(0, 3), max_size=3).map(tuple),
)


@given(st.lists(st.tuples(st.integers(0, 5), requests), max_size=60))
def test_nothing_is_over_booked_and_no_gpu_is_held_twice(steps):
    ledger = Ledger(MACHINE)
    for number, request in steps:
        name = str(number)
        if ledger.holds(name):
            ledger.release(name)
        else:
            ledger.take_nowait(name, request)
        held = [gpu for lease in ledger.leases for gpu in lease.gpu_ids]
        assert len(held) == len(set(held))
        assert set(held) <= set(MACHINE.gpus)
        assert sum(lease.request.cores for lease in ledger.leases) <= MACHINE.cores
        assert sum(lease.request.memory for lease in ledger.leases) <= MACHINE.memory
    for lease in ledger.leases:
        ledger.release(lease.holder)
    assert ledger.statistics() == Ledger(MACHINE).statistics()
