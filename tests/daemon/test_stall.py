import time

import pytest
import trio

from labd.daemon.owner import OWNER
from labd.daemon.stall import StallStatistics, StallWatch


class Steps:
    """A clock that every reading advances by the next of *steps* seconds."""

    def __init__(self, *steps):
        self.now, self.steps = 0.0, list(steps)

    def __call__(self):
        self.now += self.steps.pop(0) if self.steps else 0.0
        return self.now


class Task:
    def __init__(self, name, owner=None):
        self.name = name
        self.context = {OWNER: owner} if owner else {}


def watched(*steps, limit=0.1):
    reports = []
    return StallWatch(lambda *report: reports.append(report), limit, Steps(0, *steps)), reports


def step(watch, task):
    watch.before_task_step(task)
    watch.after_task_step(task)


def test_r29_a_long_step_is_reported_with_its_task_and_time():
    watch, reports = watched(0, 0.25)
    step(watch, Task("queue"))
    assert reports == [("queue", 0.25, "labd")]


def test_r29_the_plugin_of_the_task_is_named():
    watch, reports = watched(0, 0.25)
    step(watch, Task("preprocess", "serving"))
    assert reports == [("preprocess (plugin serving)", 0.25, "serving")]


def test_r29_a_function_of_a_plugin_is_named_and_not_the_task_that_called_it():
    watch, reports = watched(0, 0.25, 0, 0.25)
    watch.held("kinds", "job kind train", 0.2)
    step(watch, Task("rpc job.submit"))
    step(watch, Task("rpc job.submit"))
    assert reports == [("job kind train (plugin kinds)", 0.25, "kinds"), ("rpc job.submit", 0.25, "labd")]


def test_steps_up_to_the_limit_are_no_stalls():
    watch, reports = watched(0, 0.1, 0, 0.05)
    step(watch, Task("a"))
    step(watch, Task("a"))
    assert reports == []
    assert watch.statistics() == StallStatistics(0, 0.0, "", 0.0)


def test_statistics_keep_the_count_the_worst_and_the_sum():
    watch, _ = watched(0, 0.5, 0, 2.0, 0, 1.0)
    for name in "abc":
        step(watch, Task(name))
    assert watch.statistics() == StallStatistics(3, 2.0, "b", 3.5)


@pytest.mark.real
def test_r29_trio_calls_it_and_helpers_of_a_plugin_are_recognised():
    reports = []

    async def hog():
        time.sleep(0.06)  # noqa: ASYNC251 - holding the loop is the point
        await trio.lowlevel.checkpoint()

    async def main():
        async with trio.open_nursery() as nursery:
            OWNER.set("serving")
            nursery.start_soon(hog, name="preprocess")

    trio.run(main, instruments=[StallWatch(lambda *report: reports.append(report), 0.05)])
    assert [name for name, seconds, _ in reports if seconds >= 0.06] == ["preprocess (plugin serving)"]
