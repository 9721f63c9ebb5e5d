"""The folder of a task says what became of it, and it begins once."""

import os

from labd.jobs.shim import marks
from labd.process import claim


def test_the_names_are_those_of_attempts():
    assert (claim.LOCK, claim.CTL, claim.STARTED, claim.EXIT) == (
        marks.LOCK, marks.CTL, marks.STARTED, marks.EXIT,
    )  # fmt: skip
    assert claim.LOG == marks.LOG


def test_a_task_waits_until_somebody_begins_it(tmp_path):
    folder = str(tmp_path)
    assert claim.standing(folder) == "waiting"
    held = claim.take(folder)
    assert claim.take(folder) is None
    assert claim.standing(folder) == "waiting"
    claim.put(folder, claim.STARTED, b"{}")
    assert claim.standing(folder) == "running"
    assert claim.void(folder) == "running"
    os.close(held)
    assert claim.standing(folder) == "lost"
    assert claim.void(folder) == "lost"
    claim.deliver(folder, {claim.EXIT: b"{}", claim.OUTPUT: b"x"})
    assert claim.standing(folder) == "ended"
    assert claim.void(folder) == "ended"


def test_what_is_void_never_begins(tmp_path):
    assert claim.void(str(tmp_path)) == "never"
    assert claim.standing(str(tmp_path)) == "never"
    assert claim.void(str(tmp_path)) == "never"
