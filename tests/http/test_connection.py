"""One client over memory streams, on a clock of the test's own."""

from typing import Any

import pytest
import trio
import trio.testing

from labd.api.http import Mount, Response, Route
from labd.api.methods import Role
from labd.errors import Conflict, Overloaded
from tests.http.build import Talk, open_talk, site


def route(method: str, path: str, handler: Any, **more: Any) -> Route:
    return Route(method=method, path=path, handler=handler, role=Role.NONE, **more)


@pytest.fixture
async def talk(nursery):
    return open_talk(nursery)


async def test_answers_follow_each_other_on_one_connection(talk):
    for _ in range(3):
        answer = await talk.ask("GET", "/hello")
        assert (answer.status, answer.body) == (200, b"hello")
    assert (await talk.ask("POST", "/echo", b"abc")).body == b"abc"


async def test_pipelined_requests_are_answered_in_order(talk):
    one = b"POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\n\r\n"
    await talk.send(b"".join(one + b"%d" % n for n in range(9)))
    assert [(await talk.answer()).body for _ in range(9)] == [b"%d" % n for n in range(9)]


async def test_a_head_is_answered_without_a_body(talk):
    answer = await talk.ask("HEAD", "/hello")
    assert answer.headers["content-length"] == "5"
    assert (await talk.ask("GET", "/hello")).status == 200


async def test_a_client_that_asks_first_is_told_to_go_on(talk):
    fields = b"POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n"
    await talk.send(fields)
    assert (await talk.answer()).status == 100
    await talk.send(b"abc")
    assert (await talk.answer()).body == b"abc"


async def test_a_client_that_asks_first_and_is_refused_sends_nothing(nursery):
    talk = open_talk(nursery, body=2)
    answer = await talk.ask("POST", "/echo", b"", "Content-Length: 3", "Expect: 100-continue")
    assert (answer.status, answer.headers["connection"]) == (413, "close")


@pytest.mark.parametrize("framing", ["Content-Length: 9", "Transfer-Encoding: chunked"])
async def test_a_body_over_the_limit_is_refused(nursery, framing):
    talk = open_talk(nursery, body=8)
    body = b"123456789" if "Length" in framing else b"9\r\n123456789\r\n0\r\n\r\n"
    await talk.send(b"POST /echo HTTP/1.1\r\nHost: localhost\r\n" + framing.encode() + b"\r\n\r\n" + body)
    assert (await talk.answer()).status == 413
    assert await talk.rest() == b""


async def test_a_route_has_a_limit_of_its_own(nursery):
    async def size(request: Any) -> Response:
        return Response.json(len(await request.body()))

    talk = open_talk(nursery, site(route("POST", "/large", size, max_body=100)), body=8)
    assert (await talk.ask("POST", "/large", b"x" * 100)).body == b"100"
    assert (await talk.ask("POST", "/large", b"x" * 101)).status == 413


async def test_a_small_body_that_nobody_read_does_not_end_the_connection(talk):
    assert (await talk.ask("GET", "/hello", b"x" * 1000)).headers.get("connection") is None
    assert (await talk.ask("GET", "/hello")).status == 200


async def test_a_large_body_that_nobody_read_does(talk):
    await talk.send(b"GET /hello HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000\r\n\r\n")
    assert (await talk.answer()).headers["connection"] == "close"


WRONG_TARGETS = {
    "/%ff": 400, "/%zz": 400, "/%": 400, "/a#b": 400, "/%00": 400, "/a%0d%0ab": 400, "hello": 400,
    "*": 400, "ftp://localhost/": 400, "http://other/hello": 400, "/nothing": 404, "/hello/": 404,
}  # fmt: skip


@pytest.mark.parametrize("target", WRONG_TARGETS)
async def test_wrong_targets(talk, target):
    assert (await talk.ask("GET", target)).status == WRONG_TARGETS[target]


async def test_a_whole_url_is_a_target_too(talk):
    assert (await talk.ask("GET", "http://localhost/hello")).body == b"hello"


WRONG_HOSTS = {
    "evil.example": 421,
    "localhost.evil.example": 421,
    "a b": 400,
    "": 400,
    "a:b": 400,
    "[::1": 400,
}


@pytest.mark.parametrize("host", WRONG_HOSTS)
async def test_wrong_hosts(talk, host):
    await talk.send(f"GET /hello HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
    assert (await talk.answer()).status == WRONG_HOSTS[host]


@pytest.mark.parametrize("host", ["localhost:80", "127.0.0.1:8420", "[::1]:8420", "LOCALHOST", "192.0.2.7"])
async def test_right_hosts(talk, host):
    await talk.send(f"GET /hello HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
    assert (await talk.answer()).status == 200


@pytest.mark.parametrize(
    ("origin", "status"),
    [("http://localhost", 200), ("http://evil.example", 403), ("null", 403), ("http://localhost:81", 403)],
)
async def test_pages_of_other_sites_change_nothing(talk, origin, status):
    assert (await talk.ask("POST", "/echo", b"a", f"Origin: {origin}")).status == status
    assert (await talk.ask("GET", "/hello", b"", f"Origin: {origin}")).status == 200


async def test_another_method_is_told_what_there_is(talk):
    answer = await talk.ask("DELETE", "/hello")
    assert (answer.status, answer.headers["allow"]) == (405, "GET, HEAD")


# -- what goes wrong in a handler ----------------------------------------------------------------


async def fails(request: Any) -> Response:
    raise ZeroDivisionError("a secret of the house")


async def refuses(request: Any) -> Response:
    raise Conflict("it is not in a state for that", hint="wait")


async def overloaded(request: Any) -> Response:
    raise Overloaded("too much")


async def breaks_out(request: Any) -> Response:
    return Response(b"", headers=(("x", "a\r\nset-cookie: b"),))


async def test_a_handler_that_fails_says_nothing_of_itself(nursery, caplog):
    talk = open_talk(nursery, site(route("GET", "/fails", fails)))
    answer = await talk.ask("GET", "/fails")
    assert answer.status == 500
    assert b"secret" not in answer.body
    assert b"Zero" not in answer.body
    assert "a secret of the house" in caplog.text
    assert (await talk.ask("GET", "/hello")).status == 200


async def test_errors_have_their_status_and_say_what_to_do(nursery):
    talk = open_talk(nursery, site(route("GET", "/a", refuses), route("GET", "/b", overloaded)))
    answer = await talk.ask("GET", "/a")
    assert answer.status == 409
    assert b'"hint":"wait"' in answer.body
    answer = await talk.ask("GET", "/b")
    assert (answer.status, answer.headers["retry-after"]) == (429, "1")


async def test_a_field_cannot_break_out_of_its_line(nursery, caplog):
    talk = open_talk(nursery, site(route("GET", "/x", breaks_out)))
    answer = await talk.ask("GET", "/x")
    assert answer.status == 500
    assert "set-cookie" not in answer.headers


# -- streams -------------------------------------------------------------------------------------


async def counting(request: Any) -> Response:
    async def pieces():
        for number in range(3):
            yield b"%d" % number

    return Response(pieces())


async def test_a_stream_is_sent_in_chunks(nursery):
    talk = open_talk(nursery, site(route("GET", "/count", counting)))
    answer = await talk.ask("GET", "/count")
    assert (answer.headers["transfer-encoding"], answer.body) == ("chunked", b"012")
    assert (await talk.ask("GET", "/hello")).status == 200


async def test_a_stream_to_an_old_client_ends_with_the_connection(nursery):
    talk = open_talk(nursery, site(route("GET", "/count", counting)))
    await talk.send(b"GET /count HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
    answer = await talk.answer()
    assert (answer.headers["connection"], answer.body) == ("close", b"012")


async def test_a_stream_that_fails_is_cut_off_and_not_ended(nursery, caplog):
    async def handler(request: Any) -> Response:
        async def pieces():
            yield b"first"
            raise ZeroDivisionError

        return Response(pieces())

    talk = open_talk(nursery, site(route("GET", "/x", handler)))
    await talk.send(b"GET /x HTTP/1.1\r\nHost: localhost\r\n\r\n")
    rest = await talk.rest()
    assert b"first" in rest
    assert not rest.endswith(b"0\r\n\r\n")


async def test_a_body_that_nobody_reads_is_not_taken(nursery):
    """What the handler does not read stays with the client: the connection holds a piece and no more."""
    waits = trio.Event()

    async def handler(request: Any) -> Response:
        await waits.wait()
        return Response.json(len(await request.body()))

    talk = open_talk(nursery, site(route("POST", "/slow", handler, quick=True)))
    await talk.send(b"POST /slow HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000\r\n\r\n")
    await trio.testing.wait_all_tasks_blocked()
    await talk.send(b"x" * 1_000_000)
    await trio.testing.wait_all_tasks_blocked()
    assert talk.connection.parser.pending <= 65_536
    waits.set()
    assert (await talk.answer()).body == b"1000000"


async def test_a_handler_ends_when_its_client_leaves(nursery):
    cancelled = trio.Event()

    async def handler(request: Any) -> Response:
        try:
            await trio.sleep_forever()
        finally:
            cancelled.set()

    talk = open_talk(nursery, site(route("GET", "/wait", handler)))
    await talk.send(b"GET /wait HTTP/1.1\r\nHost: localhost\r\n\r\n")
    await trio.testing.wait_all_tasks_blocked()
    await talk.stream.aclose()
    await cancelled.wait()


# -- time ----------------------------------------------------------------------------------------


async def ends_at(talk: Talk) -> tuple[float, bytes]:
    began = trio.current_time()
    said = await talk.rest()
    return trio.current_time() - began, said


async def test_a_slow_head_is_refused_in_time(nursery, autojump_clock):
    talk = open_talk(nursery, head_time=10)
    await talk.send(b"GET / HT")
    await trio.sleep(9)
    await talk.send(b"TP/1.1\r\n")
    seconds, said = await ends_at(talk)
    assert said.startswith(b"HTTP/1.1 408 ")
    assert seconds < 4


async def test_one_who_asks_nothing_is_hung_up_on(nursery, autojump_clock):
    talk = open_talk(nursery, idle_time=60)
    await talk.ask("GET", "/hello")
    assert await ends_at(talk) == (60, b"")


async def test_a_body_that_does_not_come_is_refused(nursery, autojump_clock):
    talk = open_talk(nursery, stall_time=30)
    await talk.send(b"POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\n\r\nab")
    _, said = await ends_at(talk)
    assert said.startswith(b"HTTP/1.1 408 ")


async def test_a_handler_that_takes_too_long_is_ended(nursery, autojump_clock):
    async def handler(request: Any) -> Response:
        await trio.sleep(1000)
        raise AssertionError

    talk = open_talk(nursery, site(route("GET", "/long", handler)), request_time=300)
    await talk.send(b"GET /long HTTP/1.1\r\nHost: localhost\r\n\r\n")
    answer = await talk.answer()
    assert (answer.status, trio.current_time()) == (504, pytest.approx(300, abs=5))


async def test_a_stream_may_take_as_long_as_it_likes(nursery, autojump_clock):
    async def handler(request: Any) -> Response:
        async def pieces():
            for _ in range(10):
                await trio.sleep(100)
                yield b"x"

        return Response(pieces())

    talk = open_talk(nursery, site(route("GET", "/long", handler)), request_time=300, stall_time=5)
    assert (await talk.ask("GET", "/long")).body == b"x" * 10


async def test_a_connection_that_is_drained_answers_what_is_in_work(nursery):
    waits = trio.Event()

    async def handler(request: Any) -> Response:
        await waits.wait()
        return Response.text("done")

    talk = open_talk(nursery, site(route("GET", "/slow", handler)))
    await talk.send(b"GET /slow HTTP/1.1\r\nHost: localhost\r\n\r\n")
    await trio.testing.wait_all_tasks_blocked()
    talk.connection.drain()
    waits.set()
    answer = await talk.answer()
    assert (answer.body, answer.headers["connection"]) == (b"done", "close")
    assert await talk.rest() == b""


async def test_an_idle_connection_is_drained_at_once(nursery):
    talk = open_talk(nursery)
    await talk.ask("GET", "/hello")
    await trio.testing.wait_all_tasks_blocked()
    talk.connection.drain()
    assert await talk.rest() == b""


# -- who may -------------------------------------------------------------------------------------


async def nothing(request: Any) -> Response:
    return Response()


CLOSED = Route(method="GET", path="/closed", handler=nothing, role=Role.OPERATE)


async def test_strangers_do_not_learn_what_there_is(nursery):
    talk = open_talk(nursery, site(CLOSED, authenticate=lambda exchange, origin: None))
    for path in ("/closed", "/nothing"):
        answer = await talk.ask("GET", path)
        assert (answer.status, answer.headers["www-authenticate"]) == (401, 'Bearer realm="labd"')
    assert (await talk.ask("GET", "/hello")).status == 200


async def test_a_role_that_is_not_enough_is_told_so(nursery):
    talk = open_talk(nursery, site(CLOSED))
    answer = await talk.ask("GET", "/closed")
    assert answer.status == 403
    assert b"needs the role operate, alice has submit" in answer.body


# -- ASGI ----------------------------------------------------------------------------------------


async def test_starlette_answers_below_its_prefix(nursery):
    starlette = pytest.importorskip("starlette.applications")
    from starlette.responses import JSONResponse, PlainTextResponse, StreamingResponse
    from starlette.routing import Route as Path

    async def who(request: Any) -> Any:
        return JSONResponse({"name": request.state.peer.name, "body": (await request.body()).decode()})

    async def stream(request: Any) -> Any:
        async def pieces():
            yield "a"
            yield "b"

        return StreamingResponse(pieces())

    async def plain(request: Any) -> Any:
        return PlainTextResponse(request.scope["path"] + "?" + request.url.query)

    app = starlette.Starlette(
        routes=[
            Path("/who", who, methods=["POST"]), Path("/stream", stream), Path("/{rest:path}", plain),
        ]
    )  # fmt: skip
    talk = open_talk(nursery, site(Mount(prefix="/app", app=app, role=Role.VIEW)))
    assert (await talk.ask("POST", "/app/who", b"hi")).body == b'{"name":"alice","body":"hi"}'
    assert (await talk.ask("GET", "/app/stream")).body == b"ab"
    assert (await talk.ask("GET", "/app/x%20y?z=1")).body == b"/app/x y?z=1"
    assert (await talk.ask("GET", "/apple")).status == 404


async def test_an_application_hears_that_its_client_left(nursery):
    heard = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        heard.append(await receive())
        heard.append(await receive())

    talk = open_talk(nursery, site(Mount(prefix="/app", app=app)))
    await talk.send(b"POST /app HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\n\r\na")
    await trio.testing.wait_all_tasks_blocked()
    await talk.stream.aclose()
    await trio.testing.wait_all_tasks_blocked()
    assert heard == [{"type": "http.request", "body": b"a", "more_body": False}, {"type": "http.disconnect"}]


async def test_an_application_that_answers_too_much_is_cut_off(nursery, caplog):
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"1")]})
        await send({"type": "http.response.body", "body": b"ab"})

    talk = open_talk(nursery, site(Mount(prefix="/app", app=app)))
    await talk.send(b"GET /app HTTP/1.1\r\nHost: localhost\r\n\r\n")
    assert await talk.rest() == b""
