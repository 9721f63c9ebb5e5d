"""ZMTP as bytes: what libzmq sends, cut anywhere, and what nobody should send."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st
from labd_wkr.zmtp import (
    GREETING,
    USUAL,
    Limits,
    Message,
    Session,
    Subscribed,
    ZmtpError,
    frame,
    message,
    subscription,
)

THEIRS = bytes.fromhex("ff00000000000000017f0301") + b"NULL".ljust(20, b"\0") + bytes(32)
PUSH = bytes.fromhex("041a0552454144590b536f636b65742d54797065000000045055 5348".replace(" ", ""))
SUB = bytes.fromhex("0419") + b"\x05READY\x0bSocket-Type\x00\x00\x00\x03SUB"


def meet(kind: bytes = b"PULL", limits: Limits = USUAL) -> Session:
    session = Session(kind, limits)
    assert session.feed(THEIRS + (PUSH if kind == b"PULL" else SUB)) == []
    assert session.ready
    return session


def test_the_greeting_and_ready_are_said_at_once():
    said = Session(b"PULL").take()
    assert said[:64] == GREETING
    assert said[64:] == b"\x04\x1a\x05READY\x0bSocket-Type\x00\x00\x00\x04PULL"


def test_a_message_comes_whole():
    parts = [b"c-7", b"3", b"x" * 300, b""]
    assert meet().feed(message(parts)) == [Message(parts)]


@given(st.lists(st.integers(1, 700)))
def test_bytes_mean_the_same_wherever_they_are_cut(cuts):
    stream = THEIRS + PUSH + message([b"a", b"b" * 300]) + frame(b"\x04PING\0\1ctx", 4) + message([b"c"])
    session, events, places = (
        Session(b"PULL"),
        [],
        sorted({0, *(min(c, len(stream)) for c in cuts), len(stream)}),
    )
    for begin, end in itertools.pairwise(places):
        events += session.feed(stream[begin:end])
    assert events == [Message([b"a", b"b" * 300]), Message([b"c"])]
    assert session.take().endswith(b"\x04\x08\x04PONGctx")


def test_subscriptions_of_both_versions():
    said = (
        subscription(b"me")
        + subscription(b"me", on=False)
        + frame(b"\x09SUBSCRIBEyou", 4)
        + frame(b"\x06CANCELyou", 4)
    )
    assert meet(b"PUB").feed(said) == [
        Subscribed(b"me", True),
        Subscribed(b"me", False),
        Subscribed(b"you", True),
        Subscribed(b"you", False),
    ]


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (b"GET / HTTP/1.1\r\n", "no ZMTP"),
        (THEIRS[:10] + b"\x01\x00" + THEIRS[12:], "ZMTP 1"),
        (THEIRS[:12] + b"CURVE".ljust(20, b"\0") + bytes(32), "CURVE"),
        (THEIRS + SUB, "is it the port"),
        (THEIRS + message([b"early"]), "before it said READY"),
        (THEIRS + frame(b"\x05READY\x0bSocket-Type\xff\xff\xff\xffPUSH", 4), "a lie"),
        (THEIRS + frame(b"\x05READY\x40", 4), "no name"),
        (THEIRS + PUSH + b"\x08\x00", "0x08"),
        (THEIRS + PUSH + b"\x05\x00", "0x05"),
        (THEIRS + PUSH + frame(b"", 4), "no name"),
        (THEIRS + PUSH + frame(b"\x09ABC", 4), "no name"),
        (THEIRS + PUSH + b"\x02\x00\x00\x00\x01\x00\x00\x00\x00", "4294967296 bytes is over"),
        (THEIRS + PUSH + b"\x02" + b"\xff" * 8, "over the limit"),
        (THEIRS + PUSH + message([b""] * 17), "more than 16 frames"),
        (THEIRS + frame(b"\x05ERROR\x04busy", 4), "busy"),
    ],
)
def test_what_is_wrong_is_said(wrong, words):
    with pytest.raises(ZmtpError, match=words):
        Session(b"PULL").feed(wrong)


def test_the_frames_of_a_message_count_together():
    session = meet(limits=Limits(message=100))
    with pytest.raises(ZmtpError, match="120 bytes"):
        session.feed(message([b"x" * 60, b"y" * 60]))


@given(st.binary(max_size=200))
def test_garbage_is_an_error_or_nothing(data):
    for begin in (b"", THEIRS, THEIRS + PUSH):
        try:
            Session(b"PULL").feed(begin + data)
        except ZmtpError:
            pass
