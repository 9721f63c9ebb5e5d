"""The life of a worker in virtual time: deadlines, graces, mistakes, ends."""

import contextlib

import pytest
import trio
import trio.testing

from labd.api.workers import WorkerState
from labd.errors import DeadlineExceeded, Overloaded, UsageError, WorkerError, WorkerLost
from labd.wire.messages import Notice, Reply, Request
from labd.wire.session import encode
from labd.workers import outgoing, pace, questions
from labd.workers.worker import ChildWorker
from tests.workers.build import Played, start


@pytest.fixture
async def played(nursery, autojump_clock):
    played = Played()
    worker = ChildWorker(start(grace=2.0, call_timeout=10.0), lambda _: played)
    nursery.start_soon(worker.run)
    assert (await played.answer({})).method == "_start"
    assert await worker.wait_for(WorkerState.READY) is WorkerState.READY
    played.worker = worker
    return played


async def outcome(awaitable):
    try:
        return await awaitable
    except Exception as error:
        return error


async def test_a_call_is_answered_and_the_state_tells(autojump_clock, played, nursery):
    got = []

    async def call():
        got.append(await played.worker.call("add", a=1))

    nursery.start_soon(call)
    request = await played.next()
    assert (request.method, request.params) == ("add", {"a": 1})
    assert played.worker.state is WorkerState.BUSY
    await played.say(Reply(request.id, None, 3))
    await trio.testing.wait_all_tasks_blocked()
    assert got == [3]
    assert played.worker.state is WorkerState.READY


async def test_who_does_not_answer_is_told_and_killed_after_its_grace(autojump_clock, played):
    began = trio.current_time()
    error = await outcome(played.worker.call("hang"))
    assert isinstance(error, DeadlineExceeded)
    assert "w-1 did not answer hang within 10 s" in error.message
    assert trio.current_time() - began == pytest.approx(10)
    request = await played.next()
    assert await played.next() == Notice("_cancel", {"id": request.id})
    assert (await played.worker.wait_ended()).reason == "nobody waited for hang any more, and it went on"
    assert trio.current_time() - began == pytest.approx(12)


async def test_who_answers_within_its_grace_lives(autojump_clock, played):
    with trio.move_on_after(1):
        await played.worker.call("slow")
    request = await played.next()
    assert isinstance(request, Request)
    await played.say(Reply(request.id, None, "late"))
    await trio.sleep(60)
    assert played.worker.state is WorkerState.READY


async def test_others_wait_for_their_turn_and_fail_with_the_worker(autojump_clock, played, nursery):
    found = []

    async def call(name):
        found.append(await outcome(played.worker.call(name, timeout=1000)))

    for name in ("one", "two"):
        nursery.start_soon(call, name)
        await trio.testing.wait_all_tasks_blocked()
    await played.control.send.send({"reason": "exited", "exit_code": 5})
    await trio.testing.wait_all_tasks_blocked()
    assert [type(error) for error in found] == [WorkerLost, WorkerLost]
    assert ["exit code 5; it had not answered one" in str(error) for error in found].count(True) == 1
    assert played.worker.state is WorkerState.FAILED


@pytest.mark.parametrize(
    "mistake", [b"\xc1", b"\xdd\xff\xff\xff\xff", b"\x01", Reply(77, None, 1), Notice("_free", {"at": [0]})]
)
async def test_a_mistake_in_the_protocol_is_its_end(autojump_clock, played, mistake):
    await played.say(mistake)
    ending = await played.worker.wait_ended()
    assert ending.signal == 9
    assert ending.reason.startswith("it ")


async def test_too_many_questions_at_once_are_a_mistake(autojump_clock, played):
    for number in range(1, questions.MOST_ASKED + 2):
        await played.say(Request(number, "wait", {}))
    assert "asked" in (await played.worker.wait_ended()).reason


async def test_a_worker_chooses_the_words_of_an_error_and_not_its_class(autojump_clock, played, nursery):
    found = []

    async def call():
        found.append(await outcome(played.worker.call("x")))

    nursery.start_soon(call)
    request = await played.next()
    await played.say(Reply(request.id, {"code": "not_permitted", "message": "m" * 99_999, "data": 7}, None))
    await trio.testing.wait_all_tasks_blocked()
    assert type(found[0]) is WorkerError
    assert len(str(found[0])) < 9000


async def test_what_cannot_travel_costs_nothing(autojump_clock, played):
    with pytest.raises(UsageError, match="cannot be sent"):
        await played.worker.call("x", value=object())
    assert played.worker.state is WorkerState.READY


async def test_notices_to_who_reads_nothing_are_bounded(autojump_clock, played, monkeypatch):
    monkeypatch.setattr(outgoing, "MOST_UNSENT", 1000)
    played.worker.notify("x", data=b"x" * 2000)
    with pytest.raises(Overloaded, match="w-1 reads nothing"):
        played.worker.notify("x")


async def test_a_flood_of_notices_waits_in_the_socket_and_then_is_the_end(nursery, autojump_clock):
    played, heard = Played(), []
    given = start(grace=2.0)._replace(listen=lambda method, params: heard.append(params["n"]))
    worker = ChildWorker(given, lambda _: played)
    nursery.start_soon(worker.run)
    await played.answer({})
    began = trio.current_time()

    async def flood():
        with contextlib.suppress(trio.BrokenResourceError):
            for n in range(100):
                await played.say(encode(Notice("tick", {"n": n})) * 1000)
                await trio.sleep(0.5)

    nursery.start_soon(flood)
    await trio.sleep(10)
    assert pace.BURST < len(heard) <= pace.BURST + 10.1 * pace.RATE
    assert heard == sorted(heard)
    assert worker.state is WorkerState.READY
    ending = await worker.wait_ended()
    assert trio.current_time() - began == pytest.approx(pace.PATIENCE, abs=1)
    assert ending.reason == "it told more than 1000 things a second for 30 s"
    nursery.cancel_scope.cancel()


async def test_bursts_of_notices_are_heard_for_ever(autojump_clock, played):
    for _ in range(100):
        await played.say(encode(Notice("tick", {})) * 900)
        await trio.sleep(1.5)
    assert played.worker.state is WorkerState.READY


async def test_one_that_does_not_come_up_says_so(nursery, autojump_clock):
    played = Played()
    worker = ChildWorker(start(start_timeout=3), lambda _: played)
    nursery.start_soon(worker.run)
    assert await worker.wait_for(WorkerState.READY) is WorkerState.FAILED
    assert trio.current_time() >= 3
    with pytest.raises(WorkerLost, match="was not ready within 3 s"):
        worker.raise_fault()
