"""The plugin as a whole, with workers in the process of the test."""

import json
import os

import pytest

from labd.api import Conflict, NotFound, NotPermitted, Role, UsageError
from labd.plugins.fanout.model import MapSpec
from labd.plugins.fanout.retention import Limits
from tests.plugins.fanout.fakes import ADMIN, ANNA, BERT, running, tame

SOURCE = """
def f(x, factor=2):
    if x == 3:
        raise ValueError("three")
    return x * factor
"""
DOUBLE = MapSpec(function="f", source=SOURCE)


@pytest.fixture(autouse=True)
def _tame(monkeypatch):
    tame(monkeypatch)


async def test_a_map_is_made_read_and_made_again(tmp_path, nursery):
    async with running(nursery, tmp_path) as maps:
        await maps.ask("submit", spec=DOUBLE, arguments=b'1\n[2]\n{"x": 3}\n{"x": 4, "factor": 10}\n')
        done = (await maps.ask("wait", map=1, timeout=10))["map"]
        assert (done["state"], done["succeeded"], done["failed"]) == ("failed", 3, 1)
        found = {(line := json.loads(text))["index"]: line for text in await maps.lines(1)}
        assert [found[i]["result"] for i in (0, 1, 3)] == [2, 4, 40]
        assert found[2]["error"]["message"] == "three"
        assert (await maps.ask("retry", map=1))["calls"] == 1
        again = (await maps.ask("wait", map=1))["map"]
        assert (again["round"], again["failed"]) == (1, 1)
        attempts = {json.loads(line)["index"]: json.loads(line)["attempt"] for line in await maps.lines(1)}
        assert attempts == {0: 1, 1: 1, 2: 2, 3: 1}
        assert [kind for kind, _ in maps.node.events.kept] == [
            "map.submitted", "map.ended", "map.retried", "map.ended"
        ]  # fmt: skip


async def test_the_next_daemon_goes_on_where_this_one_stopped(tmp_path, nursery):
    async with running(nursery, tmp_path) as maps:
        await maps.ask("submit", spec=MapSpec(function="f", source=SOURCE, range=(10, 19, 1)))
        await maps.ask("wait", map=1)
        before = await maps.lines(1)
    folder = tmp_path / "1"
    record = json.loads((folder / "map.json").read_text())
    (folder / "map.json").write_text(json.dumps({**record, "state": "running", "ended": None}))
    (folder / "results").write_text("\n".join(before[:4]) + "\n" + before[4][:9])
    async with running_again(tmp_path) as maps:
        await maps.ask("wait", map=1)
        after = [json.loads(line) for line in await maps.lines(1)]
    assert sorted(line["index"] for line in after) == list(range(10))
    assert [line["attempt"] for line in after] == [1] * 4 + [2] * 6


def running_again(folder):
    from contextlib import asynccontextmanager

    import trio

    @asynccontextmanager
    async def opened():
        async with trio.open_nursery() as nursery, running(nursery, folder) as maps:
            yield maps

    return opened()


async def test_arguments_come_in_pieces_and_start_the_map_when_all_are_there(tmp_path, nursery):
    async with running(nursery, tmp_path) as maps:
        await maps.ask("submit", spec=DOUBLE, arguments=b"1\n", more=True)
        assert (await maps.ask("show", map=1))["map"]["state"] == "open"
        assert (await maps.ask("extend", map=1, at=2, arguments=b"2\n", more=True))["size"] == 4
        await maps.ask("extend", map=1, at=4, arguments=b"4\n")
        await maps.ask("extend", map=1, at=4, arguments=b"4\n")
        assert (await maps.ask("wait", map=1))["map"]["succeeded"] == 3
        with pytest.raises(Conflict, match="takes no more arguments: it is succeeded"):
            await maps.ask("extend", map=1, at=6, arguments=b"5\n", more=True)


async def test_wrong_arguments_are_named_and_nothing_starts(tmp_path, nursery):
    async with running(nursery, tmp_path, most=3) as maps:
        with pytest.raises(UsageError, match="line 2 of the arguments is no JSON"):
            await maps.ask("submit", spec=DOUBLE, arguments=b"1\nx\n")
        with pytest.raises(UsageError, match="4 calls is over the limit of 3"):
            await maps.ask("submit", spec=DOUBLE, arguments=b"1\n2\n3\n4\n")
        with pytest.raises(UsageError, match="not both"):
            await maps.ask("submit", spec=MapSpec(function="f", range=(0, 1, 1)), arguments=b"1\n")
        assert (await maps.ask("list"))["maps"] == []
        await maps.ask("submit", spec=DOUBLE, arguments=b"1\n", more=True)
        with pytest.raises(UsageError, match="line 2"):
            await maps.ask("extend", map=1, at=2, arguments=b"{\n")
        assert (await maps.ask("show", map=1))["map"]["state"] == "failed"
        assert maps.node.workers.made == []


async def test_a_name_means_the_newest_and_a_key_the_same(tmp_path, nursery):
    async with running(nursery, tmp_path) as maps:
        named = MapSpec(function="f", source=SOURCE, name="mine")
        for key in ("a", "b", "b"):
            await maps.ask("submit", spec=named, arguments=b"1\n", key=key)
        assert [one["id"] for one in (await maps.ask("list"))["maps"]] == [2, 1]
        assert (await maps.ask("show", map="mine"))["map"]["id"] == 2
        assert (await maps.ask("show", map="last"))["map"]["id"] == 2
        with pytest.raises(NotFound, match="there is no map 'other'"):
            await maps.ask("show", map="other")


async def test_a_function_that_cannot_be_called_ends_the_map_with_its_traceback(tmp_path, nursery):
    async with running(nursery, tmp_path) as maps:
        # the fake raises at once what a real worker tells
        from labd.api import WorkerError

        def broken(spec, **more):
            raise WorkerError(
                "worker map-1: _start: NameError: g", data={"type": "NameError", "traceback": "t"}
            )

        maps.node.workers.start = broken
        await maps.ask("submit", spec=DOUBLE, arguments=b"1\n")
        done = (await maps.ask("wait", map=1))["map"]
        assert (done["state"], done["reason"]) == ("failed", "f: NameError: g")
        assert done["error"] == {"type": "NameError", "traceback": "t"}


async def test_results_and_changes_are_the_owners(tmp_path, nursery):
    async with running(nursery, tmp_path) as maps:
        await maps.ask("submit", spec=DOUBLE, arguments=b"1\n", more=True)
        assert (await maps.ask("show", BERT, map=1))["map"]["user"] == "anna"
        for method in ("results", "logs", "cancel", "retry"):
            with pytest.raises(NotPermitted, match="map 1 belongs to anna"):
                await maps.ask(method, BERT, map=1)
        operator = type(BERT)(pid=3, uid=3, gid=3, name="olga", role=Role.OPERATE)
        assert (await maps.ask("cancel", operator, map=1))["map"]["state"] == "cancelled"
        with pytest.raises(Conflict, match="has ended"):
            await maps.ask("cancel", ANNA, map=1)
        with pytest.raises(Conflict, match="nothing to make again"):
            await maps.ask("retry", ANNA, map=1)


async def test_a_map_of_nothing_has_succeeded(tmp_path, nursery):
    async with running(nursery, tmp_path) as maps:
        await maps.ask("submit", spec=DOUBLE)
        assert (await maps.ask("wait", map=1))["map"]["state"] == "succeeded"
        answer = await maps.ask("results", map=1, wait=5)
        assert (answer["data"], answer["ended"]) == (b"", True)


async def test_workers_are_asked_for_as_the_map_says(tmp_path, nursery, monkeypatch):
    monkeypatch.setattr("os.geteuid", lambda: 0)
    async with running(nursery, tmp_path) as maps:
        spec = MapSpec(
            function="f", source=SOURCE, cpus=2, memory=2**30, cwd="/tmp", path=("/opt",), modules=("json",)
        )
        await maps.ask("submit", spec=spec, arguments=b"1\n")
        await maps.ask("wait", map=1)
        made = maps.node.workers.specs[0]
        assert (made.user, made.cpus, made.memory, made.path) == ("anna", 2, 2**30, ("/tmp", "/opt"))
        assert made.warm == ("labd.plugins.fanout.child", "json", "labd.plugins.fanout.seen")
        assert made.sandbox == "limits"


async def test_old_maps_go_and_their_numbers_are_not_given_again(tmp_path, nursery):
    async with running(nursery, tmp_path, limits=Limits(keep=1.0)) as maps:
        for key in ("a", "b"):
            await maps.ask("submit", spec=DOUBLE, arguments=b"1\n", key=key)
        await maps.ask("wait", map=1)
        await maps.ask("wait", map=2)
        assert (await maps.ask("gc", peer=ADMIN))["maps"] == 0
        maps.node.clock.now += 2 * 86_400
        would = await maps.ask("gc", peer=ADMIN, dry_run=True)
        assert (would["maps"], "1" in os.listdir(tmp_path)) == (1, True)
        assert would["bytes"] > 0
        assert (await maps.ask("gc", peer=ADMIN))["maps"] == 1
        assert [each["id"] for each in (await maps.ask("list"))["maps"]] == [2]
        assert not (tmp_path / "1").exists()
        again = await maps.ask("submit", spec=DOUBLE, arguments=b"1\n", key="a")
        assert again["map"]["id"] == 3
        await maps.ask("wait", map=3)
    (tmp_path / "9.gone").mkdir()
    async with running_again(tmp_path) as maps:
        assert [each["id"] for each in (await maps.ask("list"))["maps"]] == [3, 2]
    assert not (tmp_path / "9.gone").exists()


async def test_what_a_former_daemon_had_begun_is_an_error_where_the_map_says_so(tmp_path, nursery):
    async with running(nursery, tmp_path) as maps:
        await maps.ask("submit", spec=MapSpec(function="f", source=SOURCE, range=(10, 19, 1), repeat=False))
        await maps.ask("wait", map=1)
        before = await maps.lines(1)
    folder = tmp_path / "1"
    record = json.loads((folder / "map.json").read_text())
    (folder / "map.json").write_text(json.dumps({**record, "state": "running", "ended": None}))
    (folder / "results").write_text("\n".join(before[:4]) + "\n")
    (folder / "begun").write_text('{"first":0,"last":6,"attempt":1}\n')
    async with running_again(tmp_path) as maps:
        await maps.ask("wait", map=1)
        after = {(line := json.loads(text))["index"]: line for text in await maps.lines(1)}
        assert {i: after[i]["error"]["type"] for i in after if "error" in after[i]} == dict.fromkeys(
            (4, 5, 6), "WorkerLost"
        )
        assert [after[i]["attempt"] for i in range(10)] == [1] * 10
        await maps.ask("retry", map=1)
        assert (await maps.ask("wait", map=1))["map"]["succeeded"] == 10
