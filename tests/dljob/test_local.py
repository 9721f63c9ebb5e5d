import pytest

from labd.dljob.local import Local
from labd.dljob.work import Work
from labd.errors import UsageError

MODULE = """
import os, signal, sys
def square(x, by=1):
    if x == 2: raise ValueError("two")
    if x == 3: sys.exit("three")
    return x * x * by
def pid(x): return os.getpid()
def die(x): os.kill(os.getpid(), signal.SIGKILL)
def lock(x): return open(os.devnull)
number = 5
"""


def work(function, count=5, **more):
    return Work(module="sums", function=function, args_list=[[i] for i in range(count)], **more)


@pytest.mark.parametrize("workers", [1, 2])
def test_each_call_ends_and_a_failed_one_leaves_the_others_alone(project, workers):
    project("sums", MODULE)
    ended = sorted(Local(workers).run(work("square", kwargs_list=[{"by": 2}] * 5)))
    assert [(done.task, done.result) for done in ended] == [(0, 0), (1, 2), (2, None), (3, None), (4, 32)]
    assert [done.failure[:2] for done in ended if done.failure] == [
        ("ValueError", "two"),
        ("SystemExit", "three"),
    ]
    assert "sums.py" in ended[2].failure.traceback
    assert "local.py" not in ended[2].failure.traceback


def test_calls_run_one_after_the_other_as_they_are_asked_for(project):
    project("sums", MODULE + "seen = []\ndef see(x): seen.append(x); return list(seen)\n")
    ends = Local().run(work("see"))
    assert next(ends).result == [0]
    assert next(ends).result == [0, 1]


def test_workers_are_other_processes(project):
    project("sums", MODULE)
    import os

    pids = {done.result for done in Local(2).run(work("pid", 20))}
    assert os.getpid() not in pids
    assert 1 <= len(pids) <= 2


def test_a_dead_worker_is_an_end_of_its_calls(project):
    project("sums", MODULE)
    ended = list(Local(2).run(work("die", 3)))
    assert {done.task for done in ended} == {0, 1, 2}
    assert {done.failure.type for done in ended} == {"BrokenProcessPool"}


def test_what_cannot_leave_a_worker_is_said_on_its_task(project):
    project("sums", MODULE)
    ended = list(Local(2).run(work("lock", 2)))
    assert all("pickle" in done.failure.message for done in ended)


@pytest.mark.parametrize(
    ("module", "function", "said"),
    [
        ("sums", "sqare", "module sums has no function sqare"),
        ("sums", "number", "sums.number is no function but int"),
        ("sumz", "square", "there is no module sumz"),
        ("sums.deep", "square", r"module sums.deep cannot be imported|there is no module sums.deep"),
        ("broken", "f", r"(?s)module broken cannot be imported\n.*broken.py.*SyntaxError"),
        ("needs", "f", r"(?s)module needs cannot be imported\n.*needs.py.*No module named 'nowhere_at_all'"),
        ("leaves", "f", r"(?s)module leaves cannot be imported\n.*leaves.py.*SystemExit"),
    ],
)
def test_a_function_that_cannot_be_had_is_said_at_once(project, module, function, said):
    project("sums", MODULE)
    project("broken", "def f(:\n")
    project("needs", "import nowhere_at_all\n")
    project("leaves", "raise SystemExit(1)\n")
    with pytest.raises(UsageError, match=said) as caught:
        Local().run(Work(module=module, function=function, args_list=[[1]]))
    assert "importlib" not in caught.value.message


def test_a_function_is_guessed(project):
    project("sums", MODULE)
    with pytest.raises(UsageError) as caught:
        Local().run(work("sqare"))
    assert caught.value.hint == "did you mean `square`?"
