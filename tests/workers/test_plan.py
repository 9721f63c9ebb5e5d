"""Wrong specs are refused before anything starts; what is ordered is what was asked."""

import os

import pytest

from labd.errors import Refused, UsageError
from labd.workers import landlock, plan, sandbox
from labd.workers.interpreter import Interpreter
from labd.workers.sandbox import Levels, Means, Walls
from labd.workers.template import key_of
from tests.workers.house import foreign

HERE = Levels(
    Means("bubblewrap", "/usr/bin/bwrap"), Means("Landlock", "version 7"), Means("seccomp", "x86_64")
)
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
    assert plan.order(spec, "w", (), (), "/g", inner=False)["tasks"] == 3000
    assert plan.template_order(spec, "t", ())["memory"] == 0
    assert plan.template_order(spec, "t", ())["tasks"] == 0
    assert plan.order(foreign(sandbox="none", memory=5), "w", (), (), "", inner=False)["memory"] == 0


def test_walls_have_net_and_gpus_only_when_asked():
    closed = sandbox.wrap(HERE, foreign(sandbox="isolated"), PYTHON, (), ()).words
    assert "--unshare-net" in closed
    assert not [word for word in closed if "nvidia" in word]
    opened = sandbox.wrap(HERE, foreign(sandbox="isolated+net"), PYTHON, (), (1,)).words
    assert "--unshare-net" not in opened
    assert "/dev/nvidia1" in opened
    assert "/dev/nvidia0" not in opened
    assert sandbox.wrap(HERE, foreign(), PYTHON, (), ()) == Walls()


def test_landlock_lets_in_the_nodes_of_leased_gpus_and_no_others():
    poor = HERE._replace(bubblewrap=Means("bubblewrap", "", "it is not installed", "apt install bubblewrap"))
    walls = sandbox.wrap(poor, foreign(sandbox="isolated", read=("/data",)), PYTHON, (), (0, 3))
    rights = {path: rights for path, rights, _ in walls.order["rules"]}
    assert walls.words == ()
    assert [path for path in sorted(rights) if "nvidia" in path and path[-1].isdigit()] == [
        "/dev/nvidia0", "/dev/nvidia3",
    ]  # fmt: skip
    assert rights["/data"] == rights["/opt"] == landlock.READ
    assert rights[walls.scratch] == landlock.WRITE
    assert "/etc/resolv.conf" not in rights
    order = plan.order(foreign(sandbox="isolated"), "w", ("python",), (), "", walls, inner=False)
    assert order["env"]["HOME"] == order["env"]["TMPDIR"] == walls.scratch


def test_templates_behind_walls_are_for_the_gpus_that_they_let_in():
    def key(**spec):
        return [key_of("p", foreign(warm=("x",), **spec), gpus) for gpus in ((0,), (1,), (1,))]

    one, other, again = key(sandbox="isolated")
    assert one != other == again
    one, other, _ = key(sandbox="limits")
    assert one == other
