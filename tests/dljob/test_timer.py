from datetime import datetime, timedelta

import pytest

from labd.dljob.timer import Timer


class Clock:
    def __init__(self):
        self.passed = 0.0

    def wall(self):
        return datetime(2019, 5, 20, 21, 47, 30) + timedelta(seconds=self.passed)

    def monotonic(self):
        return 100 + self.passed


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def timer(clock):
    return Timer(wall=clock.wall, monotonic=clock.monotonic)


def test_start_and_stop_happen_once_and_say_when(timer, clock):
    assert timer.start() == "May 20 2019 21:47:30"
    clock.passed = 14.9
    assert timer.start() == "May 20 2019 21:47:30"
    assert timer.end() is None
    clock.passed = 100
    assert timer.stop() == "May 20 2019 21:47:44"
    assert timer.duration() == "0:00:14"


def test_a_timer_that_runs_has_a_duration(timer, clock):
    timer.start()
    clock.passed = 100_000
    assert (timer.duration(), timer.now()) == ("27:46:40", "May 22 2019 01:34:10")


def test_a_timer_that_was_not_started_says_so(timer):
    with pytest.raises(ValueError, match="not started"):
        timer.duration()


def test_the_form_of_times_can_be_another(clock):
    assert Timer("%H-%M", wall=clock.wall, monotonic=clock.monotonic).start() == "21-47"
