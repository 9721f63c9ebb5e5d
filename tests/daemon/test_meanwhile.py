"""Work beside the start."""

import threading

import pytest

from labd.daemon.meanwhile import Meanwhile


def test_it_runs_beside_and_its_result_is_waited_for():
    go = threading.Event()
    work = Meanwhile(lambda: go.wait(60) and 7)
    go.set()
    assert work.result() == 7


def test_what_it_raises_comes_out():
    with pytest.raises(ZeroDivisionError):
        Meanwhile(lambda: 1 // 0).result()
