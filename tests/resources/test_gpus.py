"""GPUs are held whole or shared: never over-booked, packed, and given back exactly."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labd.resources.devices import Device
from labd.resources.gpus import part
from labd.resources.ledger import MILLI, Capacity, Ledger, Request

GIB = 2**30


def capacity(*devices: Device) -> Capacity:
    return Capacity(100 * MILLI, 0, tuple(device.index for device in devices), devices)


def gpu(index: int, gigabytes: int = 24, **more) -> Device:
    return Device(index, index, memory=gigabytes * GIB, **more)


def share(thousandths: int, vram: int = 0, *ids: int) -> Request:
    return Request(share=thousandths, vram=vram * GIB, gpu_ids=ids)


def vram(gigabytes: int, count: int = 0, *ids: int) -> Request:
    return Request(vram=gigabytes * GIB, gpus=count, gpu_ids=ids)


@pytest.fixture
def ledger() -> Ledger:
    return Ledger(capacity(gpu(0), gpu(1), gpu(2, 80)))


def taken(ledger: Ledger, *requests: Request) -> list[tuple[int, ...] | None]:
    leases = [ledger.take_nowait(f"{len(ledger.leases)}", request) for request in requests]
    return [lease and lease.gpu_ids for lease in leases]


def test_parts_are_packed_so_that_whole_gpus_stay_free(ledger):
    quarters = taken(ledger, *[share(250)] * 5)
    assert quarters == [(0,), (0,), (0,), (0,), (1,)]
    assert taken(ledger, Request(gpus=1)) == [(2,)]
    assert ledger.missing(Request(gpus=1)) == "1 GPU (0 free)"


def test_the_fullest_gpu_that_still_fits_is_taken(ledger):
    assert taken(ledger, share(600), share(700), share(300), share(400)) == [(0,), (1,), (1,), (0,)]


def test_memory_is_packed_too_and_only_where_there_is_enough(ledger):
    assert taken(ledger, vram(20), vram(20), vram(4), vram(60)) == [(0,), (1,), (0,), (2,)]


def test_a_share_has_as_large_a_part_of_the_memory(ledger):
    assert taken(ledger, share(250, 0, 0)) == [(0,)]
    assert ledger.missing(vram(19, 0, 0)) == "19 GiB of GPU memory on GPU 0 (18 GiB free)"
    assert taken(ledger, vram(18, 0, 0)) == [(0,)]
    assert ledger.missing(share(1, 0, 0)).startswith("0.001 of a GPU on GPU 0 (0 bytes of memory free)")


def test_a_share_that_says_its_memory_has_that(ledger):
    assert taken(ledger, share(250, 1, 0), vram(23, 0, 0)) == [(0,), (0,)]


def test_several_gpus_are_shared_by_memory(ledger):
    assert taken(ledger, vram(10, 2), vram(14, 3), vram(20, 2)) == [(0, 1), (0, 1, 2), None]


def test_whole_and_shared_exclude_each_other(ledger):
    assert taken(ledger, Request(gpu_ids=(0,)), share(100, 0, 0), vram(1, 0, 0)) == [(0,), None, None]
    assert taken(ledger, share(1, 0, 1), Request(gpu_ids=(1,))) == [(1,), None]


@pytest.mark.parametrize(
    ("request_", "why"),
    [
        (share(250), "0.25 of a GPU (0.2 free on the emptiest)"),
        (vram(8), "8 GiB of GPU memory (7 GiB free on the emptiest)"),
        (vram(8, 2), "8 GiB of memory on each of 2 GPUs (0 free)"),
        (share(200, 7), "0.2 of a GPU with 7 GiB of memory (no GPU has both free)"),
        (share(250, 0, 1), "0.25 of a GPU on GPU 1 (0.1 free)"),
        (share(250, 0, 2), "GPU 2 (held by c)"),
        (Request(gpu_ids=(1,)), "GPU 1 (held by b)"),
        (Request(gpus=2), "2 GPUs (0 free)"),
    ],
)
def test_what_is_missing_is_said_in_words(ledger, request_, why):
    ledger.claim("a", share(800, 22), (0,))
    ledger.claim("b", share(900, 17), (1,))
    ledger.claim("c", Request(gpus=1), (2,))
    assert ledger.missing(request_) == why


@pytest.mark.parametrize(
    ("request_", "why"),
    [
        (vram(81), "81 GiB of GPU memory asked, a GPU here has 80 GiB at most"),
        (vram(25, 0, 1), "25 GiB of GPU memory asked, the GPU here has 24 GiB at most"),
        (vram(25, 2), "25 GiB of memory on each of 2 GPUs asked, a GPU here has 80 GiB at most"),
        (vram(1, 4), "1 GiB of memory on each of 4 GPUs asked, this machine has GPUs 0, 1, 2"),
        (share(1, 0, 7), "GPU 7 asked, this machine has GPUs 0, 1, 2"),
        (vram(80), ""),
        (share(999), ""),
    ],
)
def test_what_can_never_be_is_said_in_words(ledger, request_, why):
    assert ledger.impossible(request_) == why


def test_memory_that_nobody_knows_is_not_handed_out():
    ledger = Ledger(Capacity(MILLI, 0, (0,)))
    assert "does not tell its size (resources.gpu_memory can)" in ledger.impossible(vram(1))
    assert taken(ledger, share(500), share(500), share(1)) == [(0,), (0,), None]


def test_a_machine_without_gpus_refuses_a_share():
    assert Ledger(Capacity(MILLI, 0)).impossible(share(1)) == "0.001 of a GPU asked, this machine has no GPU"


# -- health ------------------------------------------------------------------------------------------


def test_a_gpu_that_is_not_well_is_given_to_nobody_and_said_so(ledger):
    ledger.capacity = capacity(gpu(0, health="gone", why="fell off"), gpu(1, health="unhealthy", why="hangs"))
    assert taken(ledger, Request(gpus=1), share(1), vram(1)) == [None] * 3
    assert ledger.missing(Request(gpus=1)) == "1 GPU (0 free, GPU 0 gone, GPU 1 unhealthy)"
    assert ledger.missing(Request(gpu_ids=(1,))) == "GPU 1 (unhealthy: hangs)"
    assert not ledger.impossible(Request(gpus=2)), "they may come back"
    assert ledger.hopeless(Request(gpus=1))


def test_whoever_holds_a_gpu_keeps_it_when_it_vanishes(ledger):
    ledger.take_nowait("a", share(500))
    ledger.capacity = capacity(gpu(1))
    assert ledger.statistics().gpus_held == {"0": "a"}
    ledger.capacity = capacity(gpu(0), gpu(1))
    assert ledger.missing(share(600, 0, 0)) == "0.6 of a GPU on GPU 0 (0.5 free)"
    ledger.release("a")
    assert not ledger.missing(share(600, 0, 0))


def test_a_gpu_whose_memory_becomes_known_is_booked_by_it():
    ledger = Ledger(Capacity(MILLI, 0, (0,)))
    ledger.claim("a", share(500), (0,))
    ledger.capacity = capacity(gpu(0))
    assert ledger.missing(vram(13)) == "13 GiB of GPU memory (12 GiB free)"


def test_what_was_found_running_is_booked_even_when_it_no_longer_fits():
    ledger = Ledger(capacity(gpu(0)))
    for name in "ab":
        ledger.claim(name, share(800), (0,))
    assert ledger.missing(share(100)) == "0.1 of a GPU (0 free)"
    ledger.release("a")
    assert not ledger.missing(share(200))


def test_who_holds_what_of_a_gpu_is_told(ledger):
    ledger.take_nowait("a", share(250, 8))
    ledger.take_nowait("b", Request(gpu_ids=(1,)))
    first, second, third = ledger.statistics().devices
    assert [(h.holder, h.share, h.memory) for h in first.held] == [("a", 0.25, 8 * GIB)]
    assert [(h.holder, h.share, h.memory) for h in second.held] == [("b", 1.0, 24 * GIB)]
    assert not third.held


# -- properties --------------------------------------------------------------------------------------

INDICES = st.sets(st.integers(0, 3), max_size=2).map(tuple)
REQUESTS = st.builds(
    Request, gpus=st.integers(0, 3), gpu_ids=INDICES, vram=st.just(0) | st.integers(1, 30)
) | st.builds(
    Request,
    share=st.integers(1, 999),
    gpu_ids=st.sets(st.integers(0, 3), max_size=1).map(tuple),
    vram=st.just(0) | st.integers(1, 30),
)
DEVICES = st.lists(st.tuples(st.sampled_from([0, 7, 10, 24]), st.booleans()), min_size=1, max_size=4).map(
    lambda found: tuple(
        Device(i, i, memory=memory, health="ok" if well else "gone") for i, (memory, well) in enumerate(found)
    )
)


def check(ledger: Ledger) -> None:
    """No GPU is over-booked."""
    for device in ledger.capacity.known:
        held = [lease.request for lease in ledger.leases if device.index in lease.gpu_ids]
        assert sum(part(request, device).share for request in held) <= MILLI
        assert sum(part(request, device).memory for request in held) <= device.memory
        assert len(held) <= 1 or not any(request.whole for request in held)


@given(DEVICES, st.lists(st.tuples(st.integers(0, 7), REQUESTS), max_size=40))
def test_no_gpu_is_ever_over_booked_and_a_release_restores(devices, steps):
    ledger = Ledger(capacity(*devices))
    for number, request in steps:
        name = str(number)
        if ledger.holds(name):
            ledger.release(name)
        elif (lease := ledger.take_nowait(name, request)) is not None:
            assert len(set(lease.gpu_ids)) == len(lease.gpu_ids) == request.gpu_count
            assert set(request.gpu_ids) <= set(lease.gpu_ids)
            assert all(devices[index].well for index in lease.gpu_ids)
            assert not ledger.impossible(request)
        else:
            assert ledger.missing(request)
        check(ledger)
    for lease in ledger.leases:
        ledger.release(lease.holder)
    assert ledger.statistics() == Ledger(capacity(*devices)).statistics()


@given(DEVICES, st.lists(REQUESTS, max_size=12), REQUESTS)
def test_an_offer_is_given_exactly_when_nothing_is_missing(devices, before, request_):
    ledger = Ledger(capacity(*devices))
    taken(ledger, *before)
    assert (ledger.offer("x", request_) is None) == bool(ledger.missing(request_))
    copy = ledger.replaying(list(ledger.leases))
    assert copy.missing(request_) == ledger.missing(request_)


@given(st.lists(st.integers(1, 999), min_size=1, max_size=30))
def test_thousandths_add_up_exactly(parts):
    ledger, room = Ledger(capacity(gpu(0, 0))), MILLI
    for number, thousandths in enumerate(parts):
        granted = ledger.take_nowait(str(number), Request(share=thousandths)) is not None
        assert granted == (thousandths <= room)
        room -= thousandths if granted else 0
