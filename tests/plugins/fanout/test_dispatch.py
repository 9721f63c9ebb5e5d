"""Maps whose calls an engine makes: it is played, forgets, goes, and comes back; labd does, too."""

# ruff: noqa: ASYNC110, ASYNC230, ASYNC240 - the files are small, and what is waited for differs
import json
import os
from collections import Counter

import pytest
import trio

from labd.api import Engine, EngineGone, NotFound, Overloaded, Refused, Standing, UsageError
from labd.api.engines import deliver, standing, void
from labd.daemon.node import NodeEngines
from labd.plugins.fanout import dispatch
from labd.plugins.fanout.engine import NO_LIMITS
from labd.plugins.fanout.model import MapSpec
from labd.plugins.fanout.retention import Limits
from tests.plugins.fanout import fakes
from tests.plugins.fanout.fakes import ADMIN, Maps


class Far:
    """An engine that runs a task when :meth:`play` says so; ``ran`` counts calls that were really made."""

    def __init__(self):
        self.tasks, self.ran, self.forgotten, self.cancelled = {}, Counter(), [], []
        self.away, self.hears, self.says = None, True, {}
        self.news = trio.Event()
        self.auto, self.played = True, set()

    def _there(self):
        if self.away is not None:
            raise self.away

    async def check(self, needs):
        if needs.gpus:
            raise Refused("it has no GPUs")

    async def submit(self, tasks):
        self._there()
        for task in tasks:
            assert os.path.exists(os.path.join(task.folder, "task.json"))
            self.tasks[task.key] = task
            if self.auto:
                self.play(task)
        self.tell()
        if not self.hears:
            raise EngineGone("no answer")

    async def look(self, tasks):
        self._there()
        return {task.key: self._of(task) for task in tasks}

    def _of(self, task):
        if task.key in self.says:
            return self.says[task.key]
        return Standing(
            standing(task.folder) if task.key in self.tasks else void(task.folder), place="far away"
        )

    async def changed(self, seen):
        self._there()
        await self.news.wait()
        return seen + 1

    async def cancel(self, tasks):
        self._there()
        self.cancelled += [task.key for task in tasks]
        for task in tasks:
            if standing(task.folder) == "waiting":
                void(task.folder)

    async def forget(self, tasks):
        self.forgotten += [task.key for task in tasks]

    def tell(self):
        self.news.set()
        self.news = trio.Event()

    def waiting(self):
        """The tasks that nobody has played yet."""
        return [task for key, task in self.tasks.items() if key not in self.played]

    def play_all(self, *besides):
        for task in self.waiting():
            if task.key not in besides:
                self.play(task)

    def play(self, task, most=None, **end):
        """Make the calls of *task*, *most* at most, and let it end so."""
        self.played.add(task.key)
        with open(os.path.join(task.folder, "task.json")) as file:
            told = json.loads(json.load(file)["input"])
        done = told["calls"][:most]
        self.ran.update(done)
        lines = b"".join(json.dumps([call, 0.01, True, str(2 * call), ""]).encode() + b"\n" for call in done)
        end = {"reason": "exited", "exit_code": 0, **end}
        deliver(task.folder, {"output": lines, "exit": json.dumps(end).encode()})


class Node(fakes.Node):
    def __init__(self, folder, engines):
        super().__init__(folder)
        self.engines = NodeEngines(engines)


@pytest.fixture
def far(monkeypatch):
    monkeypatch.setattr(dispatch, "PAUSE", 0.01)
    monkeypatch.setattr(dispatch, "POLL", 0.02)
    return Far()


def maps_of(tmp_path, far, limits=NO_LIMITS):
    node = Node(tmp_path, {"far": Engine(name="far", driver=far, at_once=4)})
    return Maps(node, limits=limits)


def spec(calls=20, **more):
    return MapSpec(function="work:f", range=(0, calls - 1, 1), engine="far", **more)


async def results(maps):
    found = [json.loads(line) for line in await maps.lines(1)]
    assert sorted(r["index"] for r in found) == sorted({r["index"] for r in found})
    return {r["index"]: r for r in found}


async def wait_for(condition):
    with trio.fail_after(5):
        while not condition():
            await trio.sleep(0.005)


async def test_an_engine_makes_the_calls_and_every_folder_goes(tmp_path, nursery, far):
    maps = maps_of(tmp_path, far)
    await nursery.start(maps.engine.run)
    await maps.ask("submit", spec=spec())
    done = (await maps.ask("wait", map=1, timeout=5))["map"]
    assert (done["state"], done["succeeded"], done["repeated"], done["engine"]) == ("succeeded", 20, 0, "far")
    found = await results(maps)
    assert [found[i]["result"] for i in range(20)] == [2 * i for i in range(20)]
    assert found[0]["worker"] == "far away"
    await wait_for(lambda: os.listdir(tmp_path / "1" / "tasks") == [])
    assert sorted(far.forgotten) == sorted(far.tasks)
    nursery.cancel_scope.cancel()


async def test_what_cannot_be_is_refused_at_submit(tmp_path, nursery, far):
    maps = maps_of(tmp_path, far)
    await nursery.start(maps.engine.run)
    with pytest.raises(NotFound, match="no engine 'near'") as found:
        await maps.ask("submit", spec=MapSpec(function="f:f", range=(0, 1, 1), engine="near"))
    assert found.value.hint == "there are: local, far"
    with pytest.raises(Refused, match="no GPUs"):
        await maps.ask("submit", spec=spec(gpus=1))
    with pytest.raises(UsageError, match="data: files do not go along to the engine 'far'"):
        await maps.ask("submit", spec=spec(data={"rates.json": ("0" * 64,)}))
    with pytest.raises(UsageError, match="sandbox: the engine 'far' cannot make calls 'isolated'"):
        await maps.ask("submit", spec=spec(sandbox="isolated"))
    nursery.cancel_scope.cancel()


async def test_an_engine_that_is_gone_is_waited_for_and_says_why(tmp_path, nursery, far):
    maps, far.away = maps_of(tmp_path, far), EngineGone("far does not answer")
    await nursery.start(maps.engine.run)
    await maps.ask("submit", spec=spec())
    await wait_for(lambda: next(iter(maps.engine.maps)).running)
    while "far does not answer" not in (await maps.ask("show", map=1))["map"]["reason"]:
        await trio.sleep(0.01)
    far.away = None
    done = (await maps.ask("wait", map=1, timeout=5))["map"]
    assert (done["succeeded"], done["reason"]) == (20, "")
    assert set(far.ran.values()) == {1}
    nursery.cancel_scope.cancel()


async def test_an_answer_that_is_not_heard_doubles_nothing(tmp_path, nursery, far):
    maps, far.hears = maps_of(tmp_path, far), False
    await nursery.start(maps.engine.run)
    await maps.ask("submit", spec=spec())
    await wait_for(lambda: len(far.tasks) > 3)
    far.hears = True
    assert (await maps.ask("wait", map=1, timeout=5))["map"]["succeeded"] == 20
    assert (len(far.ran), set(far.ran.values())) == (20, {1})
    nursery.cancel_scope.cancel()


async def test_the_next_labd_takes_up_what_is_with_the_engine(tmp_path, far):
    far.auto = False
    async with trio.open_nursery() as nursery:
        maps = maps_of(tmp_path, far)
        await nursery.start(maps.engine.run)
        await maps.ask("submit", spec=spec(8))
        await wait_for(lambda: len(far.tasks) == 4)
        nursery.cancel_scope.cancel()
    one, another, lost, forgotten = far.tasks.values()
    far.play(one)
    far.says[lost.key] = Standing("lost", "its machine is gone")
    far.ran.update([2])
    del far.tasks[forgotten.key]
    async with trio.open_nursery() as nursery:
        maps = maps_of(tmp_path, far)
        await nursery.start(maps.engine.run)
        await wait_for(lambda: len(far.tasks) > 3)
        far.play(another)
        far.auto = True
        far.play_all(lost.key)
        far.tell()
        assert (await maps.ask("wait", map=1, timeout=5))["map"]["succeeded"] == 8
        found = await results(maps)
        nursery.cancel_scope.cancel()
    assert {i: found[i]["attempt"] for i in range(4)} == {0: 1, 1: 1, 2: 2, 3: 1}
    assert all(far.ran[i] <= found[i]["attempt"] for i in range(8))
    assert far.ran == Counter({i: 2 if i == 2 else 1 for i in range(8)})


async def test_what_may_have_been_made_is_an_error_where_the_map_says_so(tmp_path, nursery, far):
    maps, far.auto = maps_of(tmp_path, far), False
    await nursery.start(maps.engine.run)
    await maps.ask("submit", spec=spec(4, repeat=False))
    await wait_for(lambda: len(far.tasks) == 4)
    lost, *others = far.tasks.values()
    far.says[lost.key] = Standing("lost", "its machine is gone")
    for task in others:
        far.play(task)
    far.tell()
    done = (await maps.ask("wait", map=1, timeout=5))["map"]
    assert (done["succeeded"], done["failed"]) == (3, 1)
    assert (await results(maps))[0]["error"] == {
        "type": "WorkerLost", "message": "its machine is gone", "traceback": "",
    }  # fmt: skip
    nursery.cancel_scope.cancel()


async def test_a_call_that_ends_its_task_costs_only_itself(tmp_path, nursery, far):
    maps, far.auto = maps_of(tmp_path, far), False
    await nursery.start(maps.engine.run)
    await maps.ask("submit", spec=spec(60, concurrency=1))
    sizes = []
    with trio.fail_after(5):
        while (await maps.ask("show", map=1))["map"]["state"] == "running":
            for task in far.waiting():
                with open(os.path.join(task.folder, "calls.json")) as file:
                    calls = json.load(file)["calls"]
                sizes.append(len(calls))
                dies = {"most": calls.index(20), "exit_code": 7} if 20 in calls else {}
                far.play(task, **dies)
            far.tell()
            await trio.sleep(0.005)
    found = await results(maps)
    assert max(sizes) > 4
    assert found[20]["error"]["type"] == "WorkerLost"
    assert found[20]["attempt"] == 2
    assert all(found[i]["attempt"] == 1 for i in range(60) if i != 20)
    assert all(far.ran[i] == 1 for i in range(60) if i != 20)
    nursery.cancel_scope.cancel()


async def test_a_cancel_reaches_the_engine_however_late_it_comes_back(tmp_path, nursery, far):
    maps, far.auto = maps_of(tmp_path, far), False
    await nursery.start(maps.engine.run)
    await maps.ask("submit", spec=spec(8))
    await wait_for(lambda: len(far.tasks) == 4)
    far.away = EngineGone("far does not answer")
    assert (await maps.ask("cancel", map=1))["map"]["state"] == "cancelled"
    await trio.sleep(0.05)
    assert len(os.listdir(tmp_path / "1" / "tasks")) == 4
    far.away = None
    await wait_for(lambda: os.listdir(tmp_path / "1" / "tasks") == [])
    assert sorted(set(far.cancelled)) == sorted(far.tasks)
    far.auto = True
    await maps.ask("retry", map=1)
    assert (await maps.ask("wait", map=1, timeout=5))["map"]["succeeded"] == 8
    assert set(far.ran.values()) == {1}
    nursery.cancel_scope.cancel()


async def test_a_map_of_which_an_engine_has_something_is_not_removed_for_its_age(tmp_path, nursery, far):
    maps, far.auto = maps_of(tmp_path, far, Limits(keep=1.0)), False
    await nursery.start(maps.engine.run)
    await maps.ask("submit", spec=spec(8))
    await maps.ask("submit", spec=spec(1))
    await wait_for(lambda: len(far.tasks) == 5)
    far.away = EngineGone("far does not answer")
    await maps.ask("cancel", map=1)
    maps.node.clock.now += 2 * 86_400
    assert (await maps.ask("gc", peer=ADMIN))["maps"] == 0
    far.away = None
    await wait_for(lambda: os.listdir(tmp_path / "1" / "tasks") == [])
    assert (await maps.ask("gc", peer=ADMIN))["maps"] == 1
    nursery.cancel_scope.cancel()


async def test_an_engine_that_is_full_is_asked_later_and_one_that_refuses_ends_the_map(
    tmp_path, nursery, far, monkeypatch
):
    maps = maps_of(tmp_path, far)
    await nursery.start(maps.engine.run)
    answers = [Overloaded("full"), None]
    submit = far.submit

    async def full_first(tasks):
        if answers and (answer := answers.pop(0)):
            raise answer
        await submit(tasks)

    far.submit = full_first
    await maps.ask("submit", spec=spec(4))
    assert (await maps.ask("wait", map=1, timeout=5))["map"]["repeated"] == 0
    answers.append(Refused("no such partition"))
    await maps.ask("submit", spec=spec(4))
    done = (await maps.ask("wait", map=2, timeout=5))["map"]
    assert (done["state"], done["reason"]) == ("failed", "no such partition")
    nursery.cancel_scope.cancel()
