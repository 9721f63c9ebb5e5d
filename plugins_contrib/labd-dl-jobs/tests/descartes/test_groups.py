"""Groups of tasks on maps that a test plays."""

import base64
import io
import zipfile
from collections.abc import Callable
from typing import Any

import pytest
import trio
import trio.testing
from fakes import ME, Asked, Service, nobody, serving
from labd_descartes.bundle import ENTRY

from labd.api import Call, Conflict, NotFound, NotPermitted, Peer, Refused, Role, UsageError


def zipped(**files: str) -> bytes:
    found = io.BytesIO()
    with zipfile.ZipFile(found, "w") as made:
        for name, text in {ENTRY: "main = abs\n", **files}.items():
            made.writestr(name, text)
    return found.getvalue()


CODE = zipped()
RESULTS = "/groups/{group}/results"
RESULT = "/groups/{group}/tasks/{task}/results"


async def until(what: Callable[[], bool]) -> None:
    with trio.fail_after(5):
        while not what():  # noqa: ASYNC110 - threads write journals, and tell nobody here
            await trio.sleep(0.001)


async def ended(service: Service, group: str, count: int) -> None:
    with trio.fail_after(5):
        while (await service.queue(group))[0] != count:  # noqa: ASYNC110
            await trio.sleep(0.001)


def fault(index: int, kind: str, trace: str = "") -> dict[str, Any]:
    return {"index": index, "error": {"type": kind, "message": "no", "traceback": trace}}


def good(index: int, value: Any) -> dict[str, Any]:
    return {"index": index, "result": {"value": value, "memory": 7}}


async def test_tasks_become_a_map_and_its_results_theirs() -> None:
    async with serving(python="/usr/bin/python3") as service:
        group = await service.group(zipped(**{"requirements.txt": "numpy\n"}), cpu=2, worker_timeout=9)
        ids = await service.submit(group, 4, 5, retries=3, labels=["a"])
        await until(lambda: bool(service.maps.specs))
        spec = service.maps.specs[0]
        wanted = {
            "requirements": ["numpy"], "cpus": 2, "memory": 2**30, "time_limit": 9, "retries": 3,
            "concurrency": 0, "python": "/usr/bin/python3", "sandbox": "limits",
        }  # fmt: skip
        assert {name: spec[name] for name in wanted} == wanted
        assert set(spec["data"]) == {ENTRY, "requirements.txt"}
        assert service.maps.blobs == {piece for pieces in spec["data"].values() for piece in pieces}
        assert service.maps.calls == [[[[4], {}], [[5], {}]]]
        assert service.maps.peers[0].uid == ME.uid
        with pytest.raises(NotFound, match="has not ended"):
            await service.ask("GET", RESULT, group=group, task=ids[0])
        service.maps.gives(0, good(1, [16]), fault(0, "ValueError", "Traceback ..."), printed={1: "hello\n"})
        await ended(service, group, 0)
        failed = await service.ask("GET", RESULT, (), (("include", "stacktrace"),), group=group, task=ids[0])
        told = ("status", "failure_type", "exception_name", "stacktrace", "labels", "log_size_bytes")
        assert [failed[name] for name in told] == [
            "FAILURE", "exception", "ValueError", "Traceback ...", ["a"], 1
        ]  # fmt: skip
        result = await service.ask("GET", RESULT, group=group, task=ids[1])
        assert (result["status"], result["peak_memory_usage"], result["runtime"]) == ("SUCCESS", 7, 0.5)
        assert await service.ask("GET", "/storage/v1/result/get/{key}", key=ids[1]) == b"[16]"
        assert await service.ask("GET", "/storage/v1/logs/get/{key}", key=ids[1]) == b"hello\n"
        assert await service.ask("GET", "/storage/v1/logs/get/{key}", key=ids[0]) == b"\n"


@pytest.mark.parametrize(
    ("kind", "failure", "named"),
    [
        ("TimeLimit", "timeout", True), ("OutOfMemory", "oom", False), ("WorkerLost", "unknown", False),
        ("PyVersionMismatch", "py_version_mismatch", True), ("KeyError", "exception", True),
    ],
)  # fmt: skip
async def test_each_kind_of_failure_is_told_as_such(kind: str, failure: str, named: bool) -> None:
    async with serving() as service:
        group = await service.group(CODE)
        [task] = await service.submit(group, 1)
        await until(lambda: bool(service.maps.specs))
        service.maps.gives(0, fault(0, kind))
        await ended(service, group, 0)
        found = await service.ask("GET", RESULT, group=group, task=task)
        assert (found["failure_type"], found["exception_name"]) == (failure, kind if named else None)


async def test_no_more_tasks_run_at_once_than_the_group_allows() -> None:
    async with serving() as service:
        group = await service.group(CODE, maximum_concurrency=3)
        await service.submit(group, 0, 1)
        await until(lambda: len(service.maps.specs) == 1)
        await service.submit(group, 2, 3, 4)
        await until(lambda: len(service.maps.specs) == 2)
        await service.submit(group, 5)
        await trio.testing.wait_all_tasks_blocked(0.02)
        assert [spec["concurrency"] for spec in service.maps.specs] == [3, 1]
        service.maps.gives(0, good(0, 1), good(1, 1))
        service.maps.gives(1, good(0, 1), good(1, 1))
        await until(lambda: len(service.maps.specs) == 3)
        assert service.maps.specs[2]["concurrency"] == 2


async def test_the_next_daemon_goes_on_and_doubles_nothing() -> None:
    async with serving() as first:
        group = await first.group(CODE)
        await first.submit(group, *range(3))
        await until(lambda: bool(first.maps.specs))
        first.maps.gives(0, good(0, "a"), printed={0: "x"})
        await ended(first, group, 2)
        node, maps = first.node, first.maps
    async with serving(node, maps) as second:
        assert await second.queue(group) == (2, 1, 0)
        maps.gives(0, good(1, "b"), good(2, "c"))
        await ended(second, group, 0)
        assert len(maps.specs) == 1
        assert await second.queue(group) == (0, 3, 0)
        assert await second.ask("GET", "/storage/v1/result/get/{key}", key=f"{group}-0") == b'"a"'


async def test_failed_tasks_are_made_again_as_themselves() -> None:
    async with serving() as service:
        group = await service.group(CODE)
        ids = await service.submit(group, 1, 2)
        await until(lambda: bool(service.maps.specs))
        service.maps.gives(0, good(0, 1), fault(1, "KeyError"))
        await ended(service, group, 0)
        ask = {"task_ids": [ids[1], "unknown-9", "x"], "retry_count": 1}
        again = await service.ask("POST", "/groups/{group}/tasks/rerun", ask, group=group)
        assert again == {"tasks": [{"id": ids[1]}]}
        await until(lambda: len(service.maps.specs) == 2)
        assert (service.maps.calls[1], service.maps.specs[1]["retries"]) == ([[[2], {}]], 1)
        with pytest.raises(NotFound):
            await service.ask("GET", RESULT, group=group, task=ids[1])
        assert (await service.ask("POST", "/groups/{group}/tasks/rerun", ask, group=group))["tasks"] == []
        service.maps.gives(1, good(0, 2))
        await ended(service, group, 0)
        assert await service.queue(group) == (0, 2, 0)


async def test_what_a_map_did_not_make_is_told_on_its_tasks() -> None:
    async with serving() as service:
        group = await service.group(CODE)
        [task] = await service.submit(group, 1)
        await until(lambda: bool(service.maps.specs))
        service.maps.end(0, "cancelled", reason="cancelled by anna")
        await ended(service, group, 0)
        query = (("include", "stacktrace"),)
        found = await service.ask("GET", RESULT, (), query, group=group, task=task)
        assert (found["failure_type"], found["stacktrace"]) == ("internal", "cancelled by anna")


async def test_requirements_that_conflict_end_the_group() -> None:
    async with serving() as service:
        group = await service.group(CODE)
        await service.submit(group, 1)
        await until(lambda: bool(service.maps.specs))
        error = {"type": "RequirementsError", "message": "", "traceback": "pip: no"}
        service.maps.end(0, "failed", reason="they cannot be installed", error=error)
        await ended(service, group, 0)
        found = await service.ask("GET", "/groups/{group}", group=group)
        assert (found["status"], found["build_log"]) == ("build_failed", "they cannot be installed\npip: no")
        with pytest.raises(Conflict, match="build_failed"):
            await service.submit(group, 2)


async def test_a_terminated_group_ends_its_maps_also_by_the_next_daemon() -> None:
    async with serving() as service:
        group = await service.group(CODE)
        await service.submit(group, 1)
        await until(lambda: bool(service.maps.specs))
        for _ in range(2):
            answer = await service.ask("DELETE", "/groups/{group}", group=group)
            assert answer["status"] == "terminated"
        assert service.maps.cancelled == [0]
        assert (await service.queue(group))[0] == 1
        with pytest.raises(Conflict, match="terminated"):
            await service.submit(group, 2)
        other = await service.group(CODE)
        await service.submit(other, 1)
        await until(lambda: len(service.maps.specs) == 2)
        one = service.groups.find(ME, other)
        await one.save(status="terminated")  # and killed before the map was cancelled
        node, maps = service.node, service.maps
    async with serving(node, maps):
        await until(lambda: maps.cancelled == [0, 1])


async def test_a_pickle_is_refused_unless_a_sandbox_is_named() -> None:
    pickled = {"function_type": "py_pickle", "function": base64.b64encode(b"cos\nsystem\n").decode()}
    async with serving() as service:
        with pytest.raises(Refused, match="to unpickle is to run"):
            await service.ask("POST", "/groups", pickled)
    async with serving(pickles="isolated") as service:
        group = (await service.ask("POST", "/groups", pickled))["id"]
        await service.submit(group, 1)
        await until(lambda: bool(service.maps.specs))
        spec = service.maps.specs[0]
        assert (spec["sandbox"], [*spec["data"]], spec["kwargs"]["kind"]) == (
            "isolated", ["function"], "py_pickle"
        )  # fmt: skip
        with pytest.raises(UsageError, match="no base64"):
            await service.ask("POST", "/groups", {**pickled, "function": "*"})


async def test_nobody_without_a_token_and_nobody_elses_group() -> None:
    async with serving() as service:
        group = await service.group(CODE)
        for said in ("", "Bearer x", service.token[:-2]):
            asked = Asked(None, said, (), {"group": group})
            assert (await service.answer("GET", "/groups/{group}", asked)).status == 401
        service.groups.find(ME, group).group.uid = ME.uid + 1
        with pytest.raises(NotFound, match="there is no group"):
            await service.ask("GET", "/groups/{group}", group=group)
        far = Call(Peer(pid=0, uid=ME.uid, gid=0, role=Role.ADMIN), "", nobody)
        with pytest.raises(NotPermitted, match="on the socket only"):
            await service.doors.token(far, None)
        await service.doors.revoke(far, None)
        assert (await service.answer("GET", "/groups", Asked(None, service.token))).status == 401


async def test_a_bundle_comes_once_and_what_is_none_is_said() -> None:
    async with serving() as service:
        made = await service.ask("POST", "/groups", {"mem": "1Gi"})
        secret = made["upload_url"].rpartition("/")[2]
        put = "/groups/{group}/bundle/{secret}"
        for wrong in ("", "x", secret[:-1]):
            params = {"group": made["id"], "secret": wrong}
            with pytest.raises(NotFound):
                await service.answer("PUT", put, Asked(CODE, "", (), params))
        params = {"group": made["id"], "secret": secret}
        with pytest.raises(UsageError, match="no zip file"):
            await service.answer("PUT", put, Asked(b"no", "", (), params))
        assert (await service.ask("GET", "/groups/{group}", group=made["id"]))["status"] == "build_failed"
        with pytest.raises(Conflict, match="its bundle already"):
            await service.answer("PUT", put, Asked(CODE, "", (), params))
        with pytest.raises(UsageError, match="mem: 'many' is no size"):
            await service.ask("POST", "/groups", {"mem": "many"})


async def test_pages_of_results_leave_no_gap_while_tasks_are_made_again() -> None:
    async with serving() as service:
        group = await service.group(CODE)
        ids = await service.submit(group, *range(6), labels=["even", "x"])
        await until(lambda: bool(service.maps.specs))
        service.maps.gives(0, *(fault(n, "KeyError") for n in range(6)))
        await ended(service, group, 0)
        words: tuple[tuple[str, str], ...] = (("limit", "2"), ("failure_type", "exception"))
        seen, token = [], None
        while True:
            query = (*words, *((("continuation_token", token),) if token else ()))
            page = await service.ask("GET", RESULTS, (), query, group=group)
            seen += [result["id"] for result in page["results"]]
            again = {"task_ids": [result["id"] for result in page["results"]]}
            await service.ask("POST", "/groups/{group}/tasks/rerun", again, group=group)
            token = page["continuation_token"]
            if token is None:
                break
        assert seen == ids
        for labels, found in ((("x", "even"), 0), (("odd",), 0)):
            query = tuple(("labels", label) for label in labels)
            assert len((await service.ask("GET", RESULTS, (), query, group=group))["results"]) == found
        for wrong in (("limit", "x"), ("sort_field", "size"), ("continuation_token", "1")):
            with pytest.raises(UsageError):
                await service.ask("GET", RESULTS, (), (wrong,), group=group)


async def test_old_groups_go_when_they_are_terminated() -> None:
    async with serving(keep_days=1) as service:
        kept, old = await service.group(CODE), await service.group(CODE)
        await service.ask("DELETE", "/groups/{group}", group=old)
        service.node.clock.advance(2 * 86_400)
        node, maps = service.node, service.maps
    async with serving(node, maps) as service:
        await until(lambda: len([*service.groups.of(ME)]) == 1)
        assert [one.group.id for one in service.groups.of(ME)] == [kept]


async def test_groups_are_listed_as_asked() -> None:
    async with serving() as service:
        ids = [await service.group(CODE, name=f"n{n}") for n in range(3)]
        await service.ask("DELETE", "/groups/{group}", group=ids[1])
        query = (("status", "running"), ("sort_order", "desc"), ("limit", "1"))
        page = await service.ask("GET", "/groups", (), query)
        assert [group["name"] for group in page["groups"]] == ["n2"]
        query += (("continuation_token", page["continuation_token"]),)
        page = await service.ask("GET", "/groups", (), query)
        assert ([group["name"] for group in page["groups"]], page["continuation_token"]) == (["n0"], None)


async def test_a_change_counts_for_tasks_to_come() -> None:
    async with serving() as service:
        group = await service.group(CODE, name="old")
        change = {"mem": "2Gi", "maximum_concurrency": 7, "function_type": "py_pickle"}
        found = await service.ask("PATCH", "/groups/{group}", change, group=group)
        assert (found["mem"], found["name"], found["function_type"]) == ("2Gi", "old", "py_bundle")
        await service.submit(group, 1)
        await until(lambda: bool(service.maps.specs))
        assert (service.maps.specs[0]["memory"], service.maps.specs[0]["concurrency"]) == (2**31, 7)
        with pytest.raises(UsageError):
            await service.ask("PATCH", "/groups/{group}", {"cpu": "many"}, group=group)
