"""Bytes in, messages out: every split, every shape, the published protocol."""

import msgpack
import pytest

from labd.errors import ProtocolError
from labd.wire.messages import Message, Notice, Reply, Request
from labd.wire.session import Session, encode

CONVERSATION: list[Message] = [
    Request(1, "job.submit", {"spec": {"argv": ["sleep", "1"], "cpus": 2}, "key": "a-b", "dry_run": False}),
    Reply(1, None, {"job": 7, "created": True, "blob": b"\x00\xff" * 40, "ratio": 0.25, "none": None}),
    Notice("event", {"subscription": 1, "events": [{"seq": n, "kind": "job.started"} for n in range(20)]}),
    Reply(2, {"code": "not_found", "message": "there is no job 8", "data": {}}, None),
    Request(2**32 - 1, "ping", {}),
    Notice("stop", {}),
    Reply(3, None, "ünï" * 100),
]
STREAM = b"".join(encode(message) for message in CONVERSATION)


def test_any_split_of_the_stream_gives_the_same_messages():
    for cut in range(len(STREAM) + 1):
        session = Session()
        assert session.feed(STREAM[:cut]) + session.feed(STREAM[cut:]) == CONVERSATION


@pytest.mark.parametrize("size", [1, 2, 3, 7, 64])
def test_small_pieces_give_the_same_messages(size):
    session = Session()
    pieces = [STREAM[at : at + size] for at in range(0, len(STREAM), size)]
    assert [message for piece in pieces for message in session.feed(piece)] == CONVERSATION


def test_many_messages_in_one_read_may_be_more_than_a_frame():
    session = Session(max_frame=100)
    assert len(session.feed(encode(Notice("tick", {"n": 1})) * 50_000)) == 50_000


def test_it_counts_what_it_decoded_and_what_is_pending():
    session = Session()
    session.feed(STREAM + STREAM[:9])
    assert session.statistics() == (len(CONVERSATION), len(STREAM), 9)


def test_request_ids_count_up_from_one():
    session = Session()
    first, data = session.request("ping", {})
    second, _ = session.request("job.show", {"job": 1})
    assert (first, second) == (1, 2)
    assert Session().feed(data) == [Request(1, "ping", {})]


def test_request_ids_start_again_within_32_bits():
    session = Session()
    session._last_id = 2**32 - 2
    assert [session.request("ping", {})[0] for _ in range(3)] == [2**32 - 1, 1, 2]


def test_a_request_that_cannot_travel_takes_no_id():
    session = Session()
    with pytest.raises(TypeError, match="type set cannot be sent"):
        session.request("ping", {"x": {1}})
    assert session.request("ping", {})[0] == 1


def test_a_hand_made_message_of_another_implementation_is_understood():
    request = b"\x94\x00\x2a\xa3sum\x91\x81\xa1n\x03"  # [0, 42, "sum", [{"n": 3}]]
    wide = b"\x94\x00\xce\x00\x00\x00\x2a\xd9\x03sum\xdc\x00\x00"  # the same id in 32 bits, str8, array16
    answer = b"\x94\x01\x2a\xc0\xcb\x40\x08\x00\x00\x00\x00\x00\x00"  # [1, 42, nil, 3.0]
    notice = b"\x93\x02\xa4tick\x90"  # [2, "tick", []]
    assert Session().feed(request + wide + answer + notice) == [
        Request(42, "sum", {"n": 3}),
        Request(42, "sum", {}),
        Reply(42, None, 3.0),
        Notice("tick", {}),
    ]


def test_what_we_send_is_what_the_specification_shows():
    assert encode(Request(42, "sum", {"n": 3})) == b"\x94\x00\x2a\xa3sum\x91\x81\xa1n\x03"
    assert encode(Notice("tick", {})) == b"\x93\x02\xa4tick\x90"
    assert encode(Reply(42, None, 3)) == b"\x94\x01\x2a\xc0\x03"


def test_a_timestamp_travels():
    stamp = msgpack.Timestamp(1_700_000_000, 5)
    assert Session().feed(encode(Reply(1, None, stamp))) == [Reply(1, None, stamp)]


@pytest.mark.parametrize(
    ("value", "named"),
    [
        ([3, 1, "ping", []], "no message of msgpack-rpc"),
        ([], "no message of msgpack-rpc"),
        ([0], "no message of msgpack-rpc"),
        ([0, 1, "ping"], "no message of msgpack-rpc"),
        ([2, "tick", [], 1], "no message of msgpack-rpc"),
        ([True, 1, None, 1], "no message of msgpack-rpc"),
        ([0.0, 1, "ping", []], "no message of msgpack-rpc"),
        ([[], 1, "ping", []], "no message of msgpack-rpc"),
        ({"jsonrpc": "2.0"}, "no message of msgpack-rpc"),
        (7, "no message of msgpack-rpc"),
        ("GET / HTTP/1.1", "no message of msgpack-rpc"),
        (None, "no message of msgpack-rpc"),
        ([0, -1, "ping", []], "id that is not an int below 2\\*\\*32: -1"),
        ([0, 2**32, "ping", []], "id that is not an int below 2\\*\\*32: 4294967296"),
        ([0, True, "ping", []], "id that is not"),
        ([0, "1", "ping", []], "id that is not"),
        ([1, 1.5, None, 1], "id that is not"),
        ([0, 1, b"ping", []], "method that is not a str: b'ping'"),
        ([2, None, []], "method that is not a str: None"),
        ([0, 1, "ping", {}], "params that are not"),
        ([0, 1, "ping", None], "params that are not"),
        ([0, 1, "ping", [1]], "params that are not"),
        ([0, 1, "ping", [{}, {}]], "params that are not"),
        ([2, "tick", "now"], "params that are not"),
        ([1, 1, "it broke", None], "neither a map nor nil: 'it broke'"),
    ],
)
def test_a_malformed_message_is_named(value, named):
    with pytest.raises(ProtocolError, match=named):
        Session().feed(msgpack.packb(value))


@pytest.mark.parametrize(
    ("data", "named"),
    [
        (b"\xc1", "not MessagePack"),
        (b"\x94\x01\x01\xc0\xa2\xff\xfe", "utf-8"),
        (b"\x94\x01\x01\xc0\x81\x01\x02", "int is not allowed for map key"),
        (b"\x94\x01\x01\xc0\x81\xc4\x01a\x01", "key that is not a str"),
        (b"\x94\x01\x01\xc0\x81\x90\x01", "list is not allowed for map key"),
        (b"\x94\x01\x01\xc0\xd4\x05\x00", "unknown ext type 5"),
        (b"\x94\x01\x01\xc0\xd4\xfb\x00", "unknown ext type -5"),
        (b"\x94\x01\x01\xc0\xd5\xff\x00\x00", "invalid timestamp"),
        (b"\x94\x01\x01\xc0\xd4\x01\x00", r"not \[dtype, shape, data\]"),
    ],
)
def test_what_is_no_message_is_refused_and_said(data, named):
    with pytest.raises(ProtocolError, match=named):
        Session().feed(data)


def test_a_session_that_met_a_mistake_stays_closed():
    session = Session()
    with pytest.raises(ProtocolError, match="ext type 5"):
        session.feed(b"\x94\x01\x01\xc0\xd4\x05\x00")
    with pytest.raises(ProtocolError, match="ext type 5"):
        session.feed(encode(Notice("tick", {})))
    assert session.statistics().pending == 0


def test_a_long_wrong_value_makes_a_short_message():
    with pytest.raises(ProtocolError) as caught:
        Session().feed(msgpack.packb(["x" * 1_000_000] * 2))
    assert len(caught.value.message) < 300
