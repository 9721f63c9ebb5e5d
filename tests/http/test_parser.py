"""Reading requests: the same however the bytes are cut, and nothing that two could read differently."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labd.http.limits import Limits
from labd.http.parser import Parser
from labd.http.refusal import Refusal

HOST = b"Host: localhost\r\n"
GET = b"GET / HTTP/1.1\r\n" + HOST
POST = b"POST / HTTP/1.1\r\n" + HOST
CHUNKED = POST + b"Transfer-Encoding: chunked\r\n\r\n"
LIMITS = Limits(target=200, head=1000, headers=10)

WRONG: dict[str, tuple[bytes, int]] = {
    "lengths that agree": (POST + b"Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc", 400),
    "lengths that differ": (POST + b"Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd", 400),
    "a list of lengths": (POST + b"Content-Length: 3, 3\r\n\r\nabc", 400),
    "a length with a sign": (POST + b"Content-Length: +3\r\n\r\nabc", 400),
    "a negative length": (POST + b"Content-Length: -1\r\n\r\n", 400),
    "a length in hexadecimals": (POST + b"Content-Length: 0x3\r\n\r\nabc", 400),
    "a length with an underscore": (POST + b"Content-Length: 1_0\r\n\r\n0123456789", 400),
    "a length without end": (POST + b"Content-Length: " + b"9" * 30 + b"\r\n\r\n", 400),
    "an empty length": (POST + b"Content-Length: \r\n\r\n", 400),
    "a length and chunks": (POST + b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
    "chunks and a length": (POST + b"Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n", 400),
    "chunks twice": (POST + b"Transfer-Encoding: chunked\r\n" * 2 + b"\r\n0\r\n\r\n", 400),
    "chunks that are not last": (POST + b"Transfer-Encoding: chunked, gzip\r\n\r\n", 400),
    "chunks in another coding": (POST + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 501),
    "another coding": (POST + b"Transfer-Encoding: gzip\r\n\r\n", 400),
    "a coding behind a tab": (POST + b"Transfer-Encoding:\x0bchunked\r\n\r\n0\r\n\r\n", 400),
    "chunks in HTTP/1.0": (b"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
    "a folded field": (GET + b"A: b\r\n c\r\n\r\n", 400),
    "a field folded at once": (b"GET / HTTP/1.1\r\n " + HOST + b"\r\n", 400),
    "a space before the colon": (GET + b"Content-Length : 3\r\n\r\nabc", 400),
    "a space in a name": (GET + b"A b: c\r\n\r\n", 400),
    "a field without a name": (GET + b": c\r\n\r\n", 400),
    "a field without a colon": (GET + b"nonsense\r\n\r\n", 400),
    "a bare line feed in the head": (b"GET / HTTP/1.1\nHost: localhost\n\n", 400),
    "a bare line feed after a field": (GET + b"A: b\nC: d\r\n\r\n", 400),
    "a bare carriage return in a field": (GET + b"A: b\rC: d\r\n\r\n", 400),
    "a bare carriage return in the first line": (b"GET / HTTP/1.1\rHost: localhost\r\n\r\n", 400),
    "a NUL in a field": (GET + b"A: \0\r\n\r\n", 400),
    "a DEL in a field": (GET + b"A: \x7f\r\n\r\n", 400),
    "a NUL in the path": (b"GET /\0 HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    "bytes in the path": (b"GET /\xc3\xa4 HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    "a space in the path": (b"GET /a b HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    "two spaces after the method": (b"GET  / HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    "a tab after the method": (b"GET\t/ HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    "no version": (b"GET /\r\n\r\n", 400),
    "another protocol": (b"GET / RTSP/1.0\r\n\r\n", 400),
    "small letters": (b"GET / http/1.1\r\n" + HOST + b"\r\n", 400),
    "a version to come": (b"GET / HTTP/2.0\r\n" + HOST + b"\r\n", 505),
    "a version that never was": (b"GET / HTTP/1.2\r\n" + HOST + b"\r\n", 505),
    "the preface of HTTP/2": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505),
    "TLS": (b"\x16\x03\x01\x02\x00\x01\x00", 400),
    "an unknown method": (b"FROB / HTTP/1.1\r\n" + HOST + b"\r\n", 501),
    "a tunnel": (b"CONNECT localhost:1 HTTP/1.1\r\n" + HOST + b"\r\n", 501),
    "no host": (b"GET / HTTP/1.1\r\n\r\n", 400),
    "two hosts": (GET + b"Host: other\r\n\r\n", 400),
    "an expectation": (GET + b"Expect: miracles\r\n\r\n", 417),
    "a long target": (b"GET /" + b"a" * 200 + b" HTTP/1.1\r\n" + HOST + b"\r\n", 414),
    "a target without end": (b"GET /" + b"a" * 2000, 414),
    "a long field": (GET + b"A: " + b"b" * 1000 + b"\r\n\r\n", 431),
    "a field without end": (GET + b"A: " + b"b" * 2000, 431),
    "many fields": (GET + b"A: b\r\n" * 10 + b"\r\n", 431),
    "a negative chunk": (CHUNKED + b"-3\r\nabc\r\n0\r\n\r\n", 400),
    "a chunk with a prefix": (CHUNKED + b"0x3\r\nabc\r\n0\r\n\r\n", 400),
    "a chunk with a space": (CHUNKED + b"3 \r\nabc\r\n0\r\n\r\n", 400),
    "a chunk without end": (CHUNKED + b"f" * 17 + b"\r\nabc", 400),
    "a chunk without a size": (CHUNKED + b"\r\nabc\r\n0\r\n\r\n", 400),
    "a chunk that is longer than it says": (CHUNKED + b"3\r\nabcd\r\n0\r\n\r\n", 400),
    "a chunk that ends in a line feed": (CHUNKED + b"3\nabc\n0\n\n", 400),
    "an extension with a line feed": (CHUNKED + b"3;a\nb\r\nabc\r\n0\r\n\r\n", 400),
    "an extension without end": (CHUNKED + b"3;" + b"a" * 300, 400),
    "a trailer that is none": (CHUNKED + b"0\r\nnonsense\r\n\r\n", 400),
    "trailers without end": (CHUNKED + b"0\r\nA: " + b"b" * 2000, 400),
}  # fmt: skip

RIGHT: dict[str, tuple[bytes, list[object]]] = {
    "a question": (GET + b"\r\n", [b"/", b""]),
    "after an empty line": (b"\r\n" + GET + b"\r\n", [b"/", b""]),
    "HTTP/1.0 without a host": (b"GET /a HTTP/1.0\r\n\r\n", [b"/a", b""]),
    "a body": (POST + b"Content-Length: 3\r\n\r\nabc", [b"/", b"abc"]),
    "chunks": (CHUNKED + b"3\r\nabc\r\nA;x=y\r\n0123456789\r\n0\r\nT: u\r\n\r\n", [b"/", b"abc0123456789"]),
    "an offer of something else": (GET + b"Connection: upgrade\r\nUpgrade: h2c\r\n\r\n", [b"/", b""]),
    "two at once": (POST + b"Content-Length: 1\r\n\r\na" + GET + b"\r\n", [b"/", b"a", b"/", b""]),
    "chunks, and one more": (CHUNKED + b"1\r\na\r\n0\r\n\r\n" + GET + b"\r\n", [b"/", b"a", b"/", b""]),
    "a line feed in a body": (POST + b"Content-Length: 3\r\n\r\n\n\r\n", [b"/", b"\n\r\n"]),
}  # fmt: skip


def read(pieces: list[bytes]) -> list[object]:
    """Targets and bodies of all requests in *pieces*; the status of a refusal comes last."""
    parser, found, body = Parser(LIMITS), [], None
    try:
        for data in pieces:
            parser.receive(data)
            while True:
                if body is None:
                    if (head := parser.head()) is None:
                        break
                    found.append(head.target)
                    body = b""
                while piece := parser.body():
                    body += piece
                if piece is None:
                    break
                found.append(body)
                body = None
    except Refusal as refusal:
        found.append(refusal.status)
    return found


@pytest.mark.parametrize("case", WRONG)
def test_what_is_wrong_is_refused(case):
    data, status = WRONG[case]
    assert read([data])[-1] == status


@pytest.mark.parametrize("case", RIGHT)
def test_what_is_right_is_read(case):
    data, wanted = RIGHT[case]
    assert read([data]) == wanted


@pytest.mark.parametrize("case", [*WRONG, *RIGHT])
def test_bytes_that_come_one_by_one_mean_the_same(case):
    data = {**WRONG, **RIGHT}[case][0]
    assert read([data[i : i + 1] for i in range(len(data))]) == read([data])


@given(st.sampled_from([*WRONG.values(), *RIGHT.values()]), st.lists(st.integers(0, 2500), max_size=6))
def test_bytes_mean_the_same_wherever_they_are_cut(case, cuts):
    data = case[0]
    places = sorted({min(cut, len(data)) for cut in cuts})
    pieces = [data[a:b] for a, b in zip([0, *places], [*places, len(data)], strict=True)]
    assert read(pieces) == read([data])


@given(st.lists(st.binary(min_size=1, max_size=40), max_size=5), st.lists(st.integers(0, 400), max_size=6))
def test_chunks_are_put_together_wherever_they_are_cut(chunks, cuts):
    data = CHUNKED + b"".join(b"%x\r\n%b\r\n" % (len(c), c) for c in chunks) + b"0\r\n\r\n" + GET + b"\r\n"
    places = sorted({min(cut, len(data)) for cut in cuts})
    pieces = [data[a:b] for a, b in zip([0, *places], [*places, len(data)], strict=True)]
    assert read(pieces) == [b"/", b"".join(chunks), b"/", b""]


@given(st.binary(max_size=300))
def test_nonsense_is_refused_or_waited_for(data):
    read([data])
    read([GET + data])
    read([CHUNKED + data])


def test_names_are_small_and_values_without_space():
    parser = Parser(LIMITS)
    parser.receive(GET + b"X-Name: \t value \t \r\n\r\n")
    head = parser.head()
    assert head is not None
    assert head.headers[b"x-name"] == b"value"


@pytest.mark.parametrize(
    ("lines", "keep"),
    [
        (b"GET / HTTP/1.1\r\nHost: a\r\n", True),
        (b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n", False),
        (b"GET / HTTP/1.0\r\n", False),
        (b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n", True),
    ],
)
def test_a_head_says_whether_the_connection_goes_on(lines, keep):
    parser = Parser(LIMITS)
    parser.receive(lines + b"\r\n")
    head = parser.head()
    assert head is not None
    assert head.keep_alive is keep
