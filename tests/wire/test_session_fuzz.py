"""Round trips of anything that can be said, and noise that never gives anything but ProtocolError."""

import math
import tracemalloc
from itertools import pairwise

import msgpack
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from labd.errors import ProtocolError
from labd.wire.limits import Guard, Limits
from labd.wire.messages import Message, Notice, Reply, Request
from labd.wire.session import Session, encode

SETTINGS = settings(deadline=None, max_examples=200, suppress_health_check=list(HealthCheck))

HEADERS = b"\x91\x81\xdc\xdd\xde\xdf\xdb\xc6\xc9\x00\x01\x0f\xff\xc0\xa1"

scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False)
    | st.text(max_size=50)
    | st.binary(max_size=300)
)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=20) | st.dictionaries(st.text(max_size=10), inner, max_size=20),
    max_leaves=30,
)
maps = st.dictionaries(st.text(max_size=10), values, max_size=5)
ids = st.integers(0, 2**32 - 1)
messages: st.SearchStrategy[Message] = (
    st.builds(Request, ids, st.text(max_size=20), maps)
    | st.builds(Reply, ids, st.none() | maps, values)
    | st.builds(Notice, st.text(max_size=20), maps)
)
cuts = st.lists(st.integers(0, 2000), max_size=8)


def pieces(data: bytes, where: list[int]) -> list[bytes]:
    edges = [0, *sorted(cut % (len(data) + 1) for cut in where), len(data)]
    return [data[start:end] for start, end in pairwise(edges)]


@SETTINGS
@given(st.lists(messages, max_size=5), cuts)
def test_messages_survive_the_wire_in_any_pieces(said, where):
    session = Session()
    data = b"".join(encode(message) for message in said)
    assert [message for piece in pieces(data, where) for message in session.feed(piece)] == said
    assert session.statistics().pending == 0


@SETTINGS
@given(st.binary(max_size=2000), cuts)
def test_noise_gives_nothing_but_protocol_errors(noise, where):
    session = Session(max_frame=1000)
    for piece in pieces(noise, where):
        try:
            session.feed(piece)
        except ProtocolError:
            continue
    assert session.statistics().pending <= 1000


@SETTINGS
@given(messages, st.data())
def test_a_damaged_message_gives_nothing_but_protocol_errors(message, data):
    packed = bytearray(encode(message))
    for _ in range(data.draw(st.integers(1, 4))):
        packed[data.draw(st.integers(0, len(packed) - 1))] = data.draw(st.integers(0, 255))
    session = Session()
    for piece in pieces(bytes(packed), data.draw(cuts)):
        try:
            session.feed(piece)
        except ProtocolError:
            continue


@SETTINGS
@given(st.lists(st.sampled_from(HEADERS), max_size=400))
def test_structured_noise_keeps_memory_bounded(codes):
    session = Session(max_frame=2000)
    tracemalloc.start()
    try:
        session.feed(bytes(codes))
    except ProtocolError:
        pass
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2**20


@SETTINGS
@given(values, cuts)
def test_the_guard_and_msgpack_agree_on_where_a_value_ends(value, where):
    data = bytearray(msgpack.packb(value))
    guard = Guard(Limits(depth=math.inf))
    end = 0
    for piece in pieces(bytes(data), where):
        end += len(piece)
        guard.look(data[:end])
        assert guard._open or guard._at == 0 or guard._at >= len(data)
    assert guard._at == len(data)
    assert guard._open == []
