"""What a user has had fades, and what runs counts at once."""

import pytest

from labd.jobs.share import GPU_WEIGHT, Shares, weight
from labd.resources.ledger import MILLI, Request

CORE = Request(MILLI)


def test_running_jobs_count_while_they_run_and_afterwards():
    shares = Shares(half_life=1e12)
    shares.begins(1, 7, Request(2 * MILLI), 0.0)
    assert shares.used(7, 10.0) == 20.0
    shares.ends(1, 10.0)
    assert shares.used(7, 10.0) == pytest.approx(20.0)
    assert shares.used(8, 10.0) == 0.0


def test_what_was_had_is_forgotten_by_half_every_half_life():
    shares = Shares(half_life=100.0)
    shares.load([(7, 80.0, 0.0)])
    assert shares.used(7, 100.0) == 40.0
    assert shares.used(7, 300.0) == 10.0


def test_past_use_adds_up_faded():
    shares = Shares(half_life=100.0)
    shares.load([(7, 80.0, 0.0), (7, 10.0, 100.0)])
    assert shares.used(7, 100.0) == 50.0


def test_what_becomes_known_late_counts_as_if_it_had_come_in_order():
    in_order, late = Shares(half_life=100.0), Shares(half_life=100.0)
    in_order.load([(7, 80.0, 0.0), (7, 10.0, 100.0)])
    late.load([(7, 10.0, 100.0), (7, 80.0, 0.0)])
    assert late.used(7, 200.0) == in_order.used(7, 200.0) == 25.0


def test_a_gpu_weighs_as_much_as_many_cores():
    assert weight(Request(500, gpus=2)) == 0.5 + 2 * GPU_WEIGHT
    assert weight(Request(share=250)) == GPU_WEIGHT / 4


def test_an_end_that_is_told_twice_counts_once():
    shares = Shares()
    shares.begins(1, 7, CORE, 0.0)
    shares.ends(1, 5.0)
    shares.ends(1, 50.0)
    assert shares.used(7, 5.0) == pytest.approx(5.0)
