"""The seam to labd's client, with a client that only notes what it is asked."""

from types import SimpleNamespace

import pytest

from labd.dljob import platform
from labd.dljob.platform import Labd
from labd.dljob.work import Done, Failure, Said, Work
from labd.errors import Refused


class Map:
    def __init__(self, results, logs):
        self._results, self._logs = results, logs

    def as_completed(self):
        for index, result, error in self._results:
            yield SimpleNamespace(index=index, result=result, error=error)

    def logs(self):
        yield from self._logs


class Client:
    def __init__(self, results=(), logs=()):
        self.found = Map(results, logs)
        self.asked = []

    def map(self, function, *iterables, **options):
        self.asked.append((function, [list(each) for each in iterables], options))
        return self.found

    def call(self, method, params):
        self.asked.append((method, params))
        return {"map": {"id": 7}}

    def get(self, ref):
        assert ref == 7
        return self.found


@pytest.fixture
def client():
    return Client()


def target(client):
    return Labd("the.sock", {"the.sock": client}.__getitem__)


def test_results_failures_and_logs_come_as_news():
    error = {"type": "ValueError", "message": "no", "traceback": "t"}
    client = Client([(1, 4, None), (0, None, error)], [{"index": 0, "attempt": 1, "text": "hm"}])
    work = Work(module="m", function="f", args_list=[[1], [2]])
    assert list(target(client).run(work)) == [
        Done(1, 4), Done(0, None, Failure("ValueError", "no", "t")), Said(0, "hm"),
    ]  # fmt: skip


def test_each_task_has_its_one_argument(client):
    target(client).run(Work(module="a.b", function="f", args_list=[[{"x": 1}], [[2, 3]]], name="n"))
    [(function, columns, options)] = client.asked
    assert (function, columns) == ("a.b:f", [[{"x": 1}, [2, 3]]])
    assert options == {"name": "n", "cpus": 1, "kwargs": {}}


def test_a_single_task_has_all_of_its_arguments_and_keywords(client):
    target(client).run(Work(module="m", function="f", args_list=[[1, "two"]], kwargs_list=[{"k": 3}]))
    [(_, columns, options)] = client.asked
    assert columns == [[1], ["two"]]
    assert options["kwargs"] == {"k": 3}


def test_a_single_task_may_have_no_arguments(client, monkeypatch):
    spec = SimpleNamespace(spec_of=lambda function, kwargs, options: [function, kwargs, options])
    monkeypatch.setattr(platform, "import_module", {"labd.client.spec": spec}.__getitem__)
    target(client).run(Work(module="m", function="f", args_list=[[]], kwargs_list=[{"k": 3}], retries=1))
    [(method, params)] = client.asked
    assert (method, params["arguments"]) == ("map.submit", b"[]\n")
    assert params["spec"] == ["m:f", {"k": 3}, {"name": "", "cpus": 1, "retries": 1}]


def test_limits_are_told_where_there_are_some(client):
    limits = {"memory": 2**30, "concurrency": 3, "time_limit": 60.0, "retries": 2, "gpus": 1}
    lists = {"modules": ("m",), "requirements": ("numpy",)}
    target(client).run(Work(module="m", function="f", args_list=[[1]], cpus=2, **limits, **lists))
    [(_, _, options)] = client.asked
    assert options == {
        "name": "", "cpus": 2, "kwargs": {}, **limits, "modules": ["m"], "requirements": ["numpy"],
    }  # fmt: skip


def test_the_map_is_submitted_before_anybody_asks_for_results(client):
    target(client).run(Work(module="m", function="f", args_list=[[1]]))
    assert client.asked


def test_a_labd_without_such_a_client_is_said(monkeypatch):
    def absent(name):
        raise ModuleNotFoundError(f"No module named {name!r}", name=name)

    monkeypatch.setattr(platform, "import_module", absent)
    with pytest.raises(Refused, match="no client for maps") as caught:
        Labd().run(Work(module="m", function="f", args_list=[[1]]))
    assert "--dev true" in caught.value.hint
