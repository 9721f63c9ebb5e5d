"""Health, calls and events, over a connection in memory."""

import json
from typing import Any

import msgspec
import pytest
import trio
import trio.testing

from labd.api.http import Route
from labd.api.methods import Call, Method, Role
from labd.daemon.dispatch import Dispatcher
from labd.daemon.events import Bus
from labd.daemon.web.health import Health
from labd.daemon.web.meters import Meters
from labd.daemon.web.rpc import Rpc
from labd.daemon.web.stream import Events
from labd.errors import Conflict
from tests.daemon.build import event, no_older
from tests.http.build import Talk, open_talk, site


class Sized(msgspec.Struct, forbid_unknown_fields=True):
    data: bytes
    repeat: int = 1


async def double(call: Call, ask: Sized) -> dict[str, Any]:
    return {"data": ask.data * ask.repeat, "who": call.peer.name, "nan": float("nan")}


async def refuses(call: Call, ask: object) -> dict[str, Any]:
    raise Conflict("not now")


async def breaks(call: Call, ask: object) -> dict[str, Any]:
    raise ZeroDivisionError("inside")


@pytest.fixture
def talk(nursery) -> Talk:
    dispatcher = Dispatcher()
    dispatcher.add(Method("x.double", double, Sized))
    dispatcher.add(Method("x.refuses", refuses))
    dispatcher.add(Method("x.breaks", breaks))
    dispatcher.add(Method("x.admin", refuses, role=Role.ADMIN))
    rpc = Rpc(dispatcher)
    return open_talk(nursery, site(Route(method="POST", path="/rpc/{method}", handler=rpc.answer)))


async def call(talk: Talk, method: str, body: bytes = b"", *fields: str) -> tuple[int, Any]:
    answer = await talk.ask("POST", f"/rpc/{method}", body, *fields)
    return answer.status, json.loads(answer.body)


async def test_bytes_are_base64_both_ways(talk):
    status, found = await call(talk, "x.double", b'{"data": "aGk=", "repeat": 2}')
    assert (status, found) == (200, {"data": "aGloaQ==", "who": "alice", "nan": None})


@pytest.mark.parametrize(
    ("method", "body", "status", "code"),
    [
        ("x.double", b"{", 400, "usage"),
        ("x.double", b"[1]", 400, "usage"),
        ("x.double", b"[" * 100_000, 400, "usage"),
        ("x.double", b'{"data": 1}', 400, "usage"),
        ("x.double", b'{"data": "aGk=", "other": 1}', 400, "usage"),
        ("x.nothing", b"", 404, "not_found"),
        ("x.refuses", b"", 409, "conflict"),
        ("x.admin", b"", 403, "not_permitted"),
        ("x.breaks", b"", 500, "internal"),
        ("http.token", b"", 403, "not_permitted"),
    ],
)
async def test_errors_have_code_and_status(talk, caplog, method, body, status, code):
    answered, found = await call(talk, method, body)
    assert (answered, found["error"]["code"]) == (status, code)
    assert set(found["error"]) == {"code", "title", "message", "hint", "data"}


async def test_a_form_is_no_call(talk):
    fields = "Content-Type: application/x-www-form-urlencoded"
    assert (await call(talk, "x.double", b"data=1", fields))[0] == 415


# -- health --------------------------------------------------------------------------------------


def healthy(prove: Any, reasons: list[str]) -> Any:
    health = Health(prove, lambda: reasons)
    return site(
        Route(method="GET", path="/healthz", handler=health.live, role=Role.NONE),
        Route(method="GET", path="/readyz", handler=health.ready),
    )


async def test_a_proof_counts_for_a_second(nursery, autojump_clock):
    proofs: list[float] = []

    async def prove() -> None:
        proofs.append(trio.current_time())

    talk = open_talk(nursery, healthy(prove, []))
    for _ in range(100):
        assert (await talk.ask("GET", "/healthz")).status == 200
    assert len(proofs) == 1
    await trio.sleep(1.5)
    await talk.ask("GET", "/healthz")
    assert len(proofs) == 2


@pytest.mark.parametrize("trouble", ["raises", "hangs"])
async def test_a_store_that_does_not_answer_is_no_health(nursery, autojump_clock, trouble):
    async def prove() -> None:
        if trouble == "raises":
            raise OSError("a secret of the house")
        await trio.sleep_forever()

    talk = open_talk(nursery, healthy(prove, []))
    answer = await talk.ask("GET", "/healthz")
    assert answer.status == 503
    assert b"secret" not in answer.body


async def test_whoever_is_not_ready_says_why(nursery):
    reasons: list[str] = []

    async def prove() -> None: ...

    talk = open_talk(nursery, healthy(prove, reasons))
    assert (await talk.ask("GET", "/readyz")).status == 200
    reasons.append("labd is stopping")
    answer = await talk.ask("GET", "/readyz")
    assert (answer.status, json.loads(answer.body)["reasons"]) == (503, ["labd is stopping"])


# -- events --------------------------------------------------------------------------------------


def listening(nursery: trio.Nursery, bus: Bus) -> Talk:
    page = Events(bus, "e1")
    return open_talk(nursery, site(Route(method="GET", path="/events", handler=page.answer)))


async def begin(talk: Talk, query: str = "", *fields: str) -> None:
    lines = [f"GET /events{query} HTTP/1.1", "Host: localhost", *fields]
    await talk.send("\r\n".join(lines).encode() + b"\r\n\r\n")
    await talk.until(lambda: b"retry: 2000" in talk.inbox)


async def test_events_come_as_they_happen(nursery):
    bus = Bus(0, no_older)
    talk = listening(nursery, bus)
    await begin(talk, "?topics=job.*")
    bus.publish([event(1, "gpu.back"), event(2, "job.started", job=7)])
    await talk.until(lambda: b"id: 2\nevent: job.started\ndata: {" in talk.inbox)
    assert b"gpu.back" not in talk.inbox


@pytest.mark.parametrize(
    ("query", "field"), [("?since=1", ""), ("", "Last-Event-ID: 1"), ("?since=0", "Last-Event-ID: 1")]
)
async def test_events_go_on_from_where_they_ended(nursery, query, field):
    bus = Bus(0, no_older)
    bus.publish([event(n) for n in (1, 2, 3)])
    talk = listening(nursery, bus)
    await begin(talk, query, *filter(None, [field]))
    await talk.until(lambda: b"id: 3\n" in talk.inbox)
    assert b"id: 2\n" in talk.inbox
    assert b"id: 1\n" not in talk.inbox


@pytest.mark.parametrize("query", ["?since=99", "?since=1&epoch=another"])
async def test_a_number_of_another_log_is_said_to_have_lagged(nursery, query):
    bus = Bus(0, no_older)
    bus.publish([event(n) for n in (1, 2, 3)])
    talk = listening(nursery, bus)
    await begin(talk, query)
    await talk.until(lambda: b"event: lagged\n" in talk.inbox)


async def test_a_slow_listener_is_told_what_it_missed(nursery):
    bus = Bus(0, no_older)
    talk = listening(nursery, bus)
    await begin(talk)
    bus.publish([event(n) for n in range(1, 9001)])
    await talk.until(lambda: b'event: lagged\ndata: {"first":1,"last":4904}' in talk.inbox)
    await talk.until(lambda: b"id: 9000\n" in talk.inbox)


async def test_a_number_that_is_none(nursery):
    talk = listening(nursery, Bus(0, no_older))
    assert (await talk.ask("GET", "/events?since=abc")).status == 400
    assert (await talk.ask("GET", "/events", b"", "Last-Event-ID: -1")).status == 400


async def test_silence_is_broken_now_and_then(nursery, autojump_clock):
    talk = listening(nursery, Bus(0, no_older))
    await begin(talk)
    await talk.until(lambda: b": still here" in talk.inbox)
    assert trio.current_time() >= 15


async def test_a_stream_of_events_ends_when_labd_stops(nursery):
    bus = Bus(0, no_older)
    talk = listening(nursery, bus)
    await begin(talk)
    await trio.testing.wait_all_tasks_blocked()
    talk.connection.drain()
    await talk.rest()
    assert bus.statistics().listeners == 0


# -- meters --------------------------------------------------------------------------------------


async def test_calls_are_counted_by_method_and_code(nursery):
    meters = Meters(Bus(0, no_older), None)  # type: ignore[arg-type]
    dispatcher = Dispatcher()
    dispatcher.called = meters.called
    dispatcher.add(Method("x.refuses", refuses))
    from tests.daemon.build import ALICE

    for name in ("x.refuses", "x.other", "x.another"):
        with pytest.raises(Exception, match=r"now|no method"):
            await dispatcher.answer(Call(ALICE, name, lambda m, p: None), {})
    assert meters.calls == {("x.refuses", "conflict"): 1, ("unknown", "not_found"): 2}
