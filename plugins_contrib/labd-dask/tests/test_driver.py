"""What is granted, and what is concluded when Dask knows nothing of a task any more."""

import json
from pathlib import Path
from typing import Any

import pytest
from labd_dask import plugin
from labd_dask.driver import Driver
from labd_dask.grants import Grants
from labd_dask.settings import MISSING, Settings

from labd.api import EngineGone, Needs, Refused, Standing, Task
from labd.testing import Node


def task(folder: Path, key: str) -> Task:
    (folder / key).mkdir()
    (folder / key / "task.json").write_text("{}")
    return Task(key=key, folder=str(folder / key), name=key)


async def test_a_task_begins_in_one_place_and_a_refused_one_nowhere(tmp_path: Path) -> None:
    one, other, grants = task(tmp_path, "one"), task(tmp_path, "other"), Grants()
    assert not await grants.ask("one", "here")
    await grants.know([one, other])
    assert await grants.ask("one", "here")
    assert await grants.ask("one", "here")
    assert not await grants.ask("one", "there")
    assert not await grants.refuse("one")
    assert await grants.refuse("other")
    assert not await grants.ask("other", "here")
    later = Grants()
    await later.know([one, other])
    assert (later.spool("one"), later.spool("other")) == ("here", "")
    assert not await later.ask("one", "there")
    assert not await later.ask("other", "here")


class Helper:
    """Answers as the process would."""

    def __init__(self) -> None:
        self.said: dict[str, list[str]] = {}
        self.found: dict[str, list[str]] = {}
        self.asked: dict[str, list[str]] = {}

    async def call(self, method: str, /, **params: Any) -> Any:
        if method == "look":
            return {key: self.said[key] for key in params["keys"]}
        if method == "find":
            self.asked = params["asked"]
            return {key: self.found[key] for keys in params["asked"].values() for key in keys}
        if method == "bring":
            return {"output": b"out", "exit": b"{}"} if params["key"] != "lost" else {"output": b"out"}
        raise AssertionError(method)


async def test_what_may_have_begun_is_looked_for_and_nothing_else_is_waited_for(tmp_path: Path) -> None:
    driver, helper = Driver(Node("dask", Settings(embedded=True)), Settings(embedded=True)), Helper()
    driver._helper = helper  # type: ignore[assignment]
    names = ("fresh", "queued", "begun", "done", "runs", "lost", "away", "void")
    tasks = {name: task(tmp_path, name) for name in names}
    for name in ("begun", "runs", "lost", "away", "void"):
        (tmp_path / name / "engine.granted").write_text(json.dumps({"spool": "here"}))
    none = ["none", "", ""]
    waits = ["waiting", "", ""]
    helper.said = dict.fromkeys(names, none) | {
        "queued": waits,
        "begun": waits,
        "done": ["ended", "", "node"],
    }
    helper.found = {
        "runs": ["running", "", "w"], "lost": ["lost", "", "w"], "away": ["unknown", "gone", ""],
        "void": ["never", "", "w"],
    }  # fmt: skip
    found = await driver.look([*tasks.values()])
    assert {name: one.state for name, one in found.items()} == {
        "fresh": "never", "queued": "waiting", "begun": "running", "done": "ended", "runs": "running",
        "lost": "lost", "away": "unknown", "void": "never",
    }  # fmt: skip
    assert found["done"] == Standing("ended", "", "node")
    assert (tmp_path / "done" / "exit").exists()
    assert (tmp_path / "lost" / "output").read_bytes() == b"out"
    assert helper.asked == {"here": ["runs", "lost", "away", "void"]}
    helper.said, again = {}, await driver.look([tasks["fresh"], tasks["done"]])
    assert {name: one.state for name, one in again.items()} == {"fresh": "never", "done": "ended"}


async def test_without_a_helper_it_says_what_is_missing() -> None:
    driver = Driver(Node("dask", Settings()), Settings())
    with pytest.raises(EngineGone, match="has not started"):
        await driver.look([])
    assert MISSING.startswith("nothing says where Dask is")


async def test_more_than_a_thread_needs_a_resource() -> None:
    none, some = Settings(embedded=True), Settings(embedded=True, cpu_resource="CPU", gpu_resource="GPU")
    for needs, word in ((Needs(cpus=2), "cpus = 2"), (Needs(gpus=1), "gpus = 1")):
        with pytest.raises(Refused, match=word):
            await Driver(Node("dask", none), none).check(needs)
        await Driver(Node("dask", some), some).check(needs)
    await Driver(Node("dask", none), none).check(Needs())


def test_the_plugin_offers_its_engine() -> None:
    from labd.testing import check_plugin

    assert check_plugin(plugin, "dask", settings={"embedded": True}).hooks == (
        "labd_settings", "labd_engines", "labd_services",
    )  # fmt: skip
