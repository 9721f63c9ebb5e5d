"""No peer makes a session hold more than its limits, or wait for what it only claims."""

import tracemalloc

import msgpack
import pytest

from labd.errors import ProtocolError
from labd.wire.limits import REPLY_LIMITS, Guard, Limits
from labd.wire.messages import Reply
from labd.wire.session import CHUNK, Session, encode

REPLY = b"\x94\x01\x01\xc0"  # [1, 1, nil, ...


@pytest.mark.parametrize(
    "claim",
    [
        b"\xdb\xff\xff\xff\xff",  # str32
        b"\xc6\xff\xff\xff\xff",  # bin32
        b"\xc9\xff\xff\xff\xff\x01",  # ext32
        b"\xdd\xff\xff\xff\xff",  # array32
        b"\xdf\xff\xff\xff\xff",  # map32
        b"\xdd\x00\x02\x00\x01",  # one element more than an array may have
        b"\xdf\x00\x02\x00\x01",
        b"\xdb\x00\x40\x00\x01",  # one byte more than a frame may have
    ],
)
@pytest.mark.parametrize("around", [b"", REPLY, REPLY + b"\x93\xa2hi", REPLY + b"\x81\xa1k"])
def test_a_claim_over_a_limit_fails_at_once(claim, around):
    with pytest.raises(ProtocolError, match=r"over (a|the) limit"):
        Session().feed(around + claim)


def test_a_claim_that_arrives_byte_by_byte_fails_with_its_last_byte():
    session = Session()
    for byte in REPLY + b"\xdd\xff\xff\xff":
        session.feed(bytes([byte]))
    with pytest.raises(ProtocolError, match="one array of 4294967295 elements"):
        session.feed(b"\xff")


def test_a_message_as_large_as_the_frame_passes_and_one_byte_more_does_not():
    data = encode(Reply(1, None, b"x" * 1000))
    assert Session(max_frame=len(data)).feed(data)
    with pytest.raises(ProtocolError, match=f"over the limit of {len(data) - 1} bytes"):
        Session(max_frame=len(data) - 1).feed(data)


def feed_all(session, data, piece):
    for at in range(0, len(data), piece):
        session.feed(data[at : at + piece])


@pytest.mark.parametrize("piece", [1000, CHUNK, 10**9])
def test_a_message_of_small_parts_is_cut_off_at_the_frame_limit(piece):
    session = Session(max_frame=200_000, max_containers=10**6)
    data = REPLY + b"\xdd\x00\x01\xff\xff" + b"\xa3abc" * 131_071
    with pytest.raises(ProtocolError, match="over the limit of 200000 bytes"):
        feed_all(session, data, piece)
    assert session.statistics().pending == 0


def test_small_messages_around_a_large_one_do_not_count_to_it():
    small, large = encode(Reply(1, None, "s")), encode(Reply(2, None, b"x" * 150_000))
    session = Session(max_frame=len(large))
    assert len(session.feed(small * 5000 + large + small * 5000)) == 10_001


def test_too_many_containers_are_refused():
    within, over = [{}] * 65_533, [{}] * 65_535
    assert Session().feed(encode(Reply(1, None, within)))
    with pytest.raises(ProtocolError, match="over the limit of 65536"):
        Session().feed(encode(Reply(1, None, over)))


def test_a_megabyte_of_empty_maps_does_not_become_seventy():
    data = REPLY + b"\xdd\x00\x0f\x00\x00" + b"\x80" * 0xF0000
    session = Session(max_length=2**20)
    tracemalloc.start()
    with pytest.raises(ProtocolError, match="too many arrays and maps"):
        session.feed(data)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 20 * 2**20


@pytest.mark.parametrize("opening", [b"\x91", b"\x81\xa1k"])
def test_nesting_is_limited_in_a_whole_message_and_in_one_that_is_not(opening):
    for depth, end in ((63, b"\xc0"), (1000, b""), (1000, b"\xc0"), (100_000, b"\xc0")):
        data = REPLY + opening * depth + end
        if depth == 63:
            assert len(Session().feed(data)) == 1
            continue
        with pytest.raises(ProtocolError, match="nest"):
            Session().feed(data)


def test_the_depth_limit_is_exact_whether_the_message_is_whole_or_not():
    for end in (b"", b"\xc0"):
        Session().feed(REPLY + b"\x91" * 63 + end)
        with pytest.raises(ProtocolError, match="over the limit of 64 levels"):
            Session().feed(REPLY + b"\x91" * 64 + end)


def test_many_containers_side_by_side_are_not_nesting():
    assert Session().feed(encode(Reply(1, None, [[{}] for _ in range(1000)])))


def test_nested_claims_set_nothing_aside():
    session = Session()
    tracemalloc.start()
    session.feed(REPLY + b"\xdd\x00\x01\x00\x00" * 60)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2**20


def test_a_client_takes_larger_replies_than_a_daemon_takes_requests():
    data = encode(Reply(1, None, [{"id": n} for n in range(200_000)]))
    with pytest.raises(ProtocolError):
        Session().feed(data)
    (reply,) = Session.for_replies().feed(data)
    assert len(reply.result) == 200_000
    assert REPLY_LIMITS.frame > Limits().frame


@pytest.mark.parametrize("value", [
    None, True, 1, -1, 200, 70_000, 2**40, -200, -70_000, -(2**40), 1.5, "", "x" * 31, "x" * 32, "x" * 300,
    "x" * 70_000, b"", b"x" * 300, b"x" * 70_000, [], [1] * 15, [1] * 16, [[1]] * 70_000, {},
    {"a": {"b": []}},
    {str(n): n for n in range(20)}, {str(n): n for n in range(70_000)}, msgpack.ExtType(7, b"x"),
    msgpack.ExtType(7, b"xx"), msgpack.ExtType(7, b"x" * 4), msgpack.ExtType(7, b"x" * 8),
    msgpack.ExtType(7, b"x" * 16), msgpack.ExtType(7, b"x" * 17), msgpack.ExtType(7, b"x" * 300),
    msgpack.ExtType(7, b"x" * 70_000),
], ids=lambda value: f"{str(value)[:12]}")  # fmt: skip
def test_the_guard_reads_every_header_as_msgpack_does(value):
    data = bytearray(msgpack.packb([value, "end"]))[:60_000]
    guard = Guard(Limits())
    for end in {1, 2, 3, 4, 5, 6, 7, len(data) // 2, len(data)}:
        guard.look(data[: min(end, len(data))])
    if len(data) < 60_000:
        assert guard._at == len(data)
        assert guard._open == []
