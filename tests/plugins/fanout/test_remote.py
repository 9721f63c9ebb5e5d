"""The calls of a task, made by a process in a folder, and what is concluded from what it left."""

import json
import os
import subprocess

from labd.api.engines import command
from labd.plugins.fanout import tasks
from labd.plugins.fanout.model import MapSpec, Record
from labd.plugins.fanout.tasks import Batch, Made
from labd.plugins.fanout.verdict import judge

SOURCE = """
import os, time

def f(x, end=False):
    print("call", x)
    if x == 1:
        time.sleep(0.15)
    if x == 2:
        raise ValueError("two")
    if end and x == 3:
        os._exit(9)
    if end and x == 4:
        time.sleep(60)
    return x * 2

def deaf(x):
    while True:
        try:
            time.sleep(60)
        except BaseException:
            pass
"""


def left_by(tmp_path, calls, **spec):
    usual = {"function": "f", "source": SOURCE, "cwd": str(tmp_path), "env": {"PATH": os.defpath}}
    spec = MapSpec(**usual | spec)
    record = Record(id=1, spec=spec, user="anna", uid=os.getuid(), created=0.0)
    lines = [] if spec.range else [json.dumps([call]).encode() for call in calls]
    folder = str(tmp_path / os.urandom(4).hex())
    task = tasks.task_of(record, folder, tasks.new_key(record), len(calls), "")
    tasks.make(folder, [Made(task, Batch(calls, [1] * len(calls)), lines, calls)], spec, "")
    subprocess.run(command(task.folder), check=True, timeout=60)
    [(_, batch)] = tasks.find(folder, record, "")
    assert batch.calls == calls
    return judge(tasks.read(task), calls, set())


def test_each_call_is_written_down_however_long_it_takes(tmp_path):
    found = left_by(tmp_path, [0, 1, 2])
    assert [(o.call, o.good) for o in found.found] == [(0, True), (1, True), (2, False)]
    assert json.loads(found.found[2].text)["message"] == "two"
    assert found.found[1].said == "call 1\n"
    assert found[1:] == ([], [], [], "WorkerLost", "its task ended with exit code 0", "", None)


def test_a_range_needs_no_lines(tmp_path):
    found = left_by(tmp_path, [1, 5], range=(10, 30, 2))
    assert [o.text for o in found.found] == ["24", "40"]


def test_the_call_that_ends_its_task_is_the_suspect_and_later_ones_are_fresh(tmp_path):
    found = left_by(tmp_path, [2, 3, 4], kwargs={"end": True})
    assert ([o.call for o in found.found], found.suspect, found.fresh) == ([2], [3], [4])
    assert found.said == "its task ended with exit code 9"


def test_a_call_over_its_time_is_ended_whether_it_heeds_or_not(tmp_path):
    found = left_by(tmp_path, [4, 5], kwargs={"end": True}, time_limit=0.2)
    assert [(o.call, o.good) for o in found.found] == [(4, False), (5, True)]
    assert json.loads(found.found[0].text)["type"] == "TimeLimit"
    found = left_by(tmp_path, [4, 5], function="deaf", time_limit=0.2)
    assert (found.suspect, found.fresh, found.kind) == ([4], [5], "TimeLimit")


def test_a_function_that_cannot_be_loaded_is_everybodys(tmp_path):
    found = left_by(tmp_path, [0, 1], function="nothing")
    assert (found.fresh, found.broken) == ([0, 1], "AttributeError: the source has no 'nothing'")
    assert found.fault.type == "AttributeError"
    found = left_by(tmp_path, [0], cwd="/nowhere-at-all")
    assert "cannot enter the working directory" in found.broken
