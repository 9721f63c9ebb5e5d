"""A lane on a socket and a clock of the test's own: limits, order, and what becomes of requests."""

import pytest

from labd.errors import NotFound
from labd.http.lane import AHEAD, Ask, Lane
from labd.http.limits import Limits

ASK = b"POST /x HTTP/1.1\r\nhost: h\r\ncontent-length: 3\r\n\r\nabc"
LIMITS = Limits(head_time=10, idle_time=60, stall_time=30, request_time=100, body=1000)


class Socket:
    """What is *given* is read, at most *room* bytes are taken."""

    family = 1

    def __init__(self):
        self.given = []
        self.sent = b""
        self.room = 1 << 30
        self.closed = self.shut = False

    def recv(self, size):
        if not self.given:
            raise BlockingIOError
        data, self.given[0] = self.given[0][:size], self.given[0][size:]
        if not self.given[0]:
            self.given.pop(0)
        return data

    def recv_into(self, view):
        data = self.recv(len(view))
        view[: len(data)] = data
        return len(data)

    def send(self, data):
        taken = min(len(data), self.room)
        if not taken:
            raise BlockingIOError
        self.sent += bytes(data[:taken])
        self.room -= taken
        return taken

    def sendmsg(self, parts):
        return self.send(b"".join(parts))

    def shutdown(self, how):
        self.shut = True

    def close(self):
        self.closed = True


class Owner:
    """Answers ``/x`` directly, later and by the test."""

    def __init__(self):
        self.asks: list[Ask] = []
        self.gone: list[Ask] = []
        self.counted = []
        self.away = []
        self.time = 0.0
        self.watched = (True, False)
        self.asked = 0

    def direct(self, lane, head):
        self.asked += 1
        if head.target == b"/none":
            raise NotFound("no such thing")
        return self.take if head.target == b"/x" else None

    def take(self, ask):
        ask.route = "/x"
        ask.gone = lambda: self.gone.append(ask)
        self.asks.append(ask)

    def watch(self, lane, *, readable, writable):
        self.watched = (readable, writable)

    def give_away(self, lane, head):
        self.away.append(head)

    def closed(self, lane):
        pass

    def count(self, ask, status, seconds):
        self.counted.append(status)

    def now(self):
        return self.time


@pytest.fixture
def owner():
    return Owner()


@pytest.fixture
def lane(owner):
    return Lane(Socket(), owner, LIMITS)


def give(lane, *pieces):
    lane.sock.given += pieces
    while lane.sock.given and not lane.ended and not lane.away:
        before = sum(map(len, lane.sock.given))
        lane.ready(readable=True, writable=False)
        if lane.sock.given and sum(map(len, lane.sock.given)) == before:
            break


def answer(ask, text=b"ok"):
    ask.answer(200, b"x-y: z\r\n", [text])


def bodies(lane):
    parts = lane.sock.sent.split(b"HTTP/1.1 ")[1:]
    return [part.partition(b"\r\n\r\n")[2] for part in parts]


def test_a_head_that_comes_again_is_decided_upon_once(lane, owner):
    for _ in range(5):
        give(lane, ASK)
        answer(owner.asks[-1])
    assert (len(owner.asks), owner.asked) == (5, 1)
    lane.forget()
    give(lane, ASK)
    assert owner.asked == 2
    assert [bytes(ask.body) for ask in owner.asks[-1:]] == [b"abc"]


def test_the_same_head_with_another_body_is_another_request(lane, owner):
    give(lane, ASK, ASK[:-3] + b"xyz", ASK[:-1], b"d")
    assert [bytes(ask.body) for ask in owner.asks] == [b"abc", b"xyz", b"abd"]


def test_answers_wait_for_those_before_them(lane, owner):
    give(lane, ASK * 3)
    for number in (2, 1):
        answer(owner.asks[number], b"%d" % number)
    assert lane.sock.sent == b""
    answer(owner.asks[0], b"0")
    assert bodies(lane) == [b"0", b"1", b"2"]


def test_a_socket_that_is_full_gets_the_rest_when_it_has_room(lane, owner):
    give(lane, ASK * 2)
    lane.sock.room = 10
    answer(owner.asks[0], b"a" * 50_000)
    answer(owner.asks[1], b"b")
    assert owner.watched == (False, True)
    while lane.sock.room == 0 or owner.watched[1]:
        lane.sock.room = 7777
        lane.ready(readable=False, writable=True)
    assert bodies(lane) == [b"a" * 50_000, b"b"]
    assert owner.watched == (True, False)


def test_no_more_than_so_many_are_taken_at_once_and_the_rest_later(lane, owner):
    give(lane, ASK * (AHEAD + 5))
    assert len(owner.asks) == AHEAD
    assert owner.watched == (False, False)
    for ask in owner.asks[:AHEAD]:
        answer(ask)
    assert len(owner.asks) == AHEAD + 5
    assert owner.watched == (True, False)


def test_who_leaves_has_its_requests_cancelled_and_late_answers_go_nowhere(lane, owner):
    give(lane, ASK * 2)
    lane.sock.given = [b""]
    lane.ready(readable=True, writable=False)
    assert owner.gone == owner.asks
    assert (owner.counted, lane.sock.closed) == ([499, 499], True)
    answer(owner.asks[0])
    assert lane.sock.sent == b""


def test_a_client_that_leaves_while_nothing_is_read_is_noticed(lane, owner):
    give(lane, ASK * AHEAD)
    lane.ready(readable=True, writable=False)  # epoll tells of the hang-up alone
    assert len(owner.gone) == AHEAD


def test_what_is_not_direct_is_given_away_after_the_answers_before_it(lane, owner):
    give(lane, ASK + b"GET /page HTTP/1.1\r\nhost: h\r\n\r\n" + ASK)
    assert owner.away == []
    answer(owner.asks[0])
    assert [head.target for head in owner.away] == [b"/page"]
    assert len(owner.asks) == 1
    lane.take_back(True)
    assert len(owner.asks) == 2


def test_a_last_request_closes_and_says_so(lane, owner):
    give(lane, ASK.replace(b"host: h", b"host: h\r\nconnection: close"))
    answer(owner.asks[0])
    assert b"connection: close\r\n" in lane.sock.sent
    assert lane.sock.shut
    lane.sock.given = [b""]
    lane.ready(readable=True, writable=False)
    assert lane.sock.closed


def test_what_cannot_be_read_is_refused_behind_what_was_asked_before(lane, owner):
    give(lane, ASK + b"NONSENSE\r\n\r\n")
    assert lane.sock.sent == b""
    answer(owner.asks[0])
    assert lane.sock.sent.count(b"HTTP/1.1 400") == 1
    assert lane.sock.shut


def test_an_error_of_the_decision_is_told(lane, owner):
    give(lane, ASK.replace(b"/x", b"/none"))
    assert b"HTTP/1.1 404" in lane.sock.sent


def test_a_handler_that_fails_is_an_internal_error_and_nothing_more(lane, owner, caplog):
    owner.take = lambda ask: 1 / 0
    give(lane, ASK)
    assert b"HTTP/1.1 500" in lane.sock.sent
    assert b"ZeroDivisionError" not in lane.sock.sent
    assert "ZeroDivisionError" in caplog.text
    assert not lane.ended


def test_a_large_body_is_read_into_place(lane, owner):
    big = Lane(Socket(), owner, Limits(body=10_000_000))
    body = bytes(range(256)) * 20_000
    head = b"POST /x HTTP/1.1\r\nhost: h\r\ncontent-length: %d\r\n\r\n" % len(body)
    for _ in range(2):
        data = head + body
        give(big, *[data[at : at + 70_000] for at in range(0, len(data), 70_000)])
        assert bytes(owner.asks[-1].body) == body
        answer(owner.asks[-1])


def test_a_chunked_body_is_taken_whole(lane, owner):
    head = b"POST /x HTTP/1.1\r\nhost: h\r\ntransfer-encoding: chunked\r\n\r\n"
    for _ in range(2):
        give(lane, head + b"2\r\nab\r\n", b"1\r\nc\r\n0\r\n\r\n")
    assert [bytes(ask.body) for ask in owner.asks] == [b"abc", b"abc"]


@pytest.mark.parametrize("length", [b"content-length: 1001", b"transfer-encoding: chunked"])
def test_a_body_over_the_limit_is_refused(lane, owner, length):
    give(lane, b"POST /x HTTP/1.1\r\nhost: h\r\n" + length + b"\r\n\r\n", b"3e9\r\n" + b"x" * 1001 + b"\r\n")
    assert b"HTTP/1.1 413" in lane.sock.sent
    assert lane.sock.shut


TIMES = [
    (b"", 61, None),
    (ASK[:20], 11, b"408"),
    (ASK[:-1], 31, b"408"),
]


@pytest.mark.parametrize(("sent", "seconds", "status"), TIMES)
def test_who_is_too_slow_is_hung_up_on(lane, owner, sent, seconds, status):
    give(lane, *([sent] if sent else []))
    owner.time = seconds - 2
    lane.check(owner.time)
    assert not lane.sock.sent
    assert not lane.ended
    owner.time = seconds
    lane.check(owner.time)
    assert (b"HTTP/1.1 408" in lane.sock.sent) == (status == b"408")
    owner.time += 3
    lane.check(owner.time)
    assert lane.sock.closed


def test_a_client_that_takes_no_answer_is_hung_up_on(lane, owner):
    give(lane, ASK)
    lane.sock.room = 5
    answer(owner.asks[0])
    owner.time = 29
    lane.check(owner.time)
    assert not lane.ended
    owner.time = 31
    lane.check(owner.time)
    assert lane.ended


def test_a_request_that_is_not_answered_in_time_is_504_and_cancelled(lane, owner):
    give(lane, ASK)
    owner.time = 101
    lane.check(owner.time)
    assert b"HTTP/1.1 504" in lane.sock.sent
    assert owner.gone == owner.asks
    answer(owner.asks[0])
    assert lane.sock.sent.count(b"HTTP/1.1") == 1


def test_drained_it_answers_what_it_has_and_no_more(lane, owner):
    give(lane, ASK)
    lane.drain()
    assert not lane.ended
    answer(owner.asks[0])
    assert b"connection: close" in lane.sock.sent
    idle = Lane(Socket(), owner, LIMITS)
    idle.drain()
    assert idle.sock.closed


def test_many_small_requests_that_are_answered_at_once_are_no_recursion(lane, owner):
    owner.take = answer
    give(lane, b"POST /x HTTP/1.1\r\nhost: h\r\n\r\n" * 5000)
    assert lane.sock.sent.count(b"HTTP/1.1 200") == 5000
