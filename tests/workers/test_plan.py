"""Wrong specs are refused before anything starts; what is ordered is what was asked."""

import os

import pytest

from labd.errors import Refused, UsageError
from labd.workers import plan, sandbox
from labd.workers.interpreter import Interpreter
from labd.workers.sandbox import LEVELS, Levels
from tests.workers.house import foreign

HERE = Levels(LEVELS, "/usr/bin/bwrap")
PYTHON = Interpreter("/opt/python", ("/opt",))


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"target": "no target"}, "Expected `str` matching"),
        ({"name": "../x"}, "Expected `str` matching"),
        ({"memory": -1}, "Expected `int` >= 0"),
        ({"sandbox": "box"}, "Invalid enum value"),
        ({"cwd": "here"}, "cwd 'here' is not an absolute path"),
        ({"read": ("here",)}, "read 'here' is not an absolute path"),
        ({"output": "out"}, "output 'out' is not an absolute path"),
        ({"sandbox": "none", "files": 9}, "files is a limit, and sandbox 'none' has none"),
        ({"sandbox": "isolated", "warm": ("x",), "gpus": 1}, "an isolated warm worker cannot have GPUs"),
    ],
)
def test_a_wrong_spec_is_refused_by_name(wrong, words):
    with pytest.raises(UsageError, match=words):
        plan.check(foreign(**wrong))


def test_root_runs_nothing_outside_of_walls_without_being_told_to(monkeypatch):
    monkeypatch.setattr(os, "getuid", lambda: 0)
    for level in ("none", "limits"):
        with pytest.raises(Refused, match="labd is root here"):
            plan.user(foreign(sandbox=level, user=""))
    assert plan.user(foreign(sandbox="isolated", user="")) is None
    assert plan.user(foreign(user="root")) is None
    assert plan.user(foreign(user="nobody"))["uid"] > 0


def test_who_is_not_root_becomes_nobody_else(monkeypatch):
    monkeypatch.setattr(os, "getuid", lambda: 4242)
    assert plan.user(foreign(user="")) is None
    with pytest.raises(Refused, match="only a labd of root"):
        plan.user(foreign(user="root"))


def test_nothing_of_the_daemons_environment_is_passed_on(monkeypatch):
    monkeypatch.setenv("SECRET", "x")
    env = plan.environment(foreign(env={"A": "1"}), "w-1", (0, 2))
    assert "SECRET" not in env
    assert (env["A"], env["CUDA_VISIBLE_DEVICES"], env["LABD_WORKER"]) == ("1", "0,2", "w-1")


def test_limits_are_for_the_worker_and_not_for_its_template():
    spec = foreign(memory=5, processes=3)
    assert plan.order(spec, "w", (), (), "/g", inner=False)["memory"] == 5
    assert plan.template_order(spec, "t", ())["memory"] == 0
    assert plan.order(foreign(sandbox="none", memory=5), "w", (), (), "", inner=False)["memory"] == 0


def test_walls_have_net_and_gpus_only_when_asked():
    closed = sandbox.wrap(HERE, foreign(sandbox="isolated"), PYTHON, (), ())
    assert "--unshare-net" in closed
    assert not [word for word in closed if "nvidia" in word]
    opened = sandbox.wrap(HERE, foreign(sandbox="isolated+net"), PYTHON, (), (1,))
    assert "--unshare-net" not in opened
    assert "/dev/nvidia1" in opened
    assert sandbox.wrap(HERE, foreign(), PYTHON, (), ()) == []
