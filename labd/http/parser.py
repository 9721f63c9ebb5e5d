"""From bytes to requests, without I/O: :meth:`Parser.receive` takes what came, the others give what it is.

A head is collected whole and then read by httptools, so that every limit is exact wherever the bytes were
cut. What httptools lets pass and we do not is refused here.
"""

import re

import httptools
import msgspec

from labd.http.chunks import Chunks
from labd.http.limits import Limits
from labd.http.refusal import Refusal

_LINE = re.compile(rb"([!-~]+) ([!-~]+) HTTP/([0-9])\.([0-9])\r\n")
_BARE = re.compile(rb"(?<!\r)\n")


class Head(msgspec.Struct, frozen=True):
    """The head of a request. ``fields`` are all, ``headers`` by name; ``length`` is None for chunks."""

    method: str
    target: bytes
    version: str
    fields: tuple[tuple[bytes, bytes], ...]
    headers: dict[bytes, bytes]
    length: int | None
    keep_alive: bool
    expects: bool


class Parser:
    """Reads the requests of one connection, one after the other. Every method raises Refusal."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._buffer = bytearray()
        self._looked = 0
        self._fields: list[tuple[bytes, bytes]] = []
        self._pieces: list[bytes] = []
        self._llhttp: httptools.HttpRequestParser | None = None
        self._keep_alive = False
        self._left = 0
        self._chunks: Chunks | None = None
        self._ended = False
        self._last = b""
        self._last_head: Head | None = None

    def receive(self, data: bytes | bytearray) -> None:
        """Take bytes as they came."""
        self._buffer += data

    @property
    def pending(self) -> int:
        """Bytes that are here and not read yet."""
        return len(self._buffer)

    @property
    def left(self) -> int | None:
        """Bytes of the body that are not read yet; None when only its end will tell."""
        return self._left if self._chunks is None else None

    # -- the head --------------------------------------------------------------------------------

    def head(self) -> Head | None:
        """The next head, once it is here."""
        buffer, limit = self._buffer, self._limits.head
        if (known := self.same(buffer)) is not None:
            del buffer[: len(self._last)]
            self._left, self._looked = known.length or 0, 0
            return known
        while buffer.startswith(b"\r\n"):  # RFC 9112, 2.2: some clients end a body with one too many
            del buffer[:2]
        if buffer and not buffer[:1].isalpha() and buffer != b"\r":
            raise Refusal(400, "this is not HTTP", hint="labd speaks no TLS: put a proxy before it")
        end = buffer.find(b"\r\n\r\n", self._looked)
        if _BARE.search(buffer, max(self._looked - 1, 0), min(end if end >= 0 else len(buffer), limit)):
            raise Refusal(400, "a line of the head ends without a carriage return")
        if end + 4 > limit or (end < 0 and len(buffer) > limit):
            raise self._too_long()
        if end < 0:
            self._looked = max(len(buffer) - 3, 0)
            return None
        raw = bytes(buffer[: end + 4])
        del buffer[: end + 4]
        self._looked = 0
        return self._read(raw)

    def same(self, data: bytes | bytearray) -> Head | None:
        """The head of the request before, if *data* begins with the very same one.

        A client that asks again and again for the same thing is not read again and again. A body in chunks
        would need a fresh reader, so such heads do not count.
        """
        return self._last_head if self._last_head is not None and data.startswith(self._last) else None

    def same_body(self, data: bytes) -> memoryview | None:
        """The body, if *data* is a whole request with the same head as before and nothing else is here."""
        known = None if self._buffer else self.same(data)
        if known is None or len(data) != len(self._last) + (known.length or 0):
            return None
        return memoryview(data)[len(self._last) :]

    def passed(self, size: int) -> None:
        """*size* bytes of the body were read without us."""
        self._left -= size

    def _too_long(self) -> Refusal:
        if len(self._buffer.split(b"\r\n", 1)[0]) > self._limits.target + 32:
            return Refusal(414, f"the target has more than {self._limits.target} bytes")
        return Refusal(431, f"the head has more than {self._limits.head} bytes")

    def _read(self, raw: bytes) -> Head:
        line = _LINE.match(raw)
        if line is None:
            raise Refusal(400, "the first line is not METHOD TARGET HTTP/1.1")
        method, target, version = line[1].decode(), line[2], f"{line[3].decode()}.{line[4].decode()}"
        if len(target) > self._limits.target:
            raise Refusal(414, f"the target has more than {self._limits.target} bytes")
        if version not in ("1.0", "1.1"):
            raise Refusal(505, f"labd speaks HTTP/1.1, not {version}")
        if method in ("CONNECT", "PRI"):
            raise Refusal(501, f"labd does not do {method}")
        head = self._checked(method, target, version, self._llhttp_read(raw))
        self._last, self._last_head = raw, head if head.length is not None else None
        return head

    def _llhttp_read(self, raw: bytes) -> httptools.HttpRequestParser:
        self._fields = []
        self._llhttp = llhttp = httptools.HttpRequestParser(self)
        self._feed(raw)
        if len(self._fields) > self._limits.headers:
            raise Refusal(431, f"the head has more than {self._limits.headers} fields")
        return llhttp

    def _checked(self, method: str, target: bytes, version: str, llhttp: httptools.HttpRequestParser) -> Head:
        fields = tuple(self._fields)
        headers = dict(fields)
        if len(headers) != len(fields) and sum(name == b"host" for name, _ in fields) > 1:
            raise Refusal(400, "there are two Host fields")
        if version == "1.1" and b"host" not in headers:
            raise Refusal(400, "there is no Host field")
        expects = self._expects(headers, version)
        length = self._length(headers, version)
        self._left = length or 0
        self._chunks = Chunks(self._limits.head) if length is None else None
        return Head(method, target, version, fields, headers, length, self._keep_alive, expects)

    def _expects(self, headers: dict[bytes, bytes], version: str) -> bool:
        wish = headers.get(b"expect")
        if wish is not None and wish.lower() != b"100-continue":
            raise Refusal(417, "labd can meet no expectation but 100-continue")
        return wish is not None and version == "1.1"

    def _length(self, headers: dict[bytes, bytes], version: str) -> int | None:
        coding = headers.get(b"transfer-encoding")
        if coding is None:
            return int(headers.get(b"content-length", b"0"))
        if version == "1.0":
            raise Refusal(400, "HTTP/1.0 has no Transfer-Encoding")
        if coding.lower() != b"chunked":
            raise Refusal(501, "labd knows no Transfer-Encoding but chunked")
        self._ended = False
        return None

    # -- the body --------------------------------------------------------------------------------

    def body(self) -> bytes | None:
        """The next piece of the body, ``b""`` at its end, None when more has to come first."""
        if self._chunks is not None:
            return self._chunked(self._chunks)
        if not self._left:
            return b""
        piece = bytes(self._buffer[: self._left])
        del self._buffer[: len(piece)]
        self._left -= len(piece)
        return piece or None

    def _chunked(self, chunks: Chunks) -> bytes | None:
        size = chunks.measure(self._buffer)
        self._pieces = []
        self._feed(bytes(self._buffer[:size]))
        del self._buffer[:size]
        if chunks.done:
            self._chunks = None
        if self._ended != chunks.done:
            raise Refusal(400, "the end of a chunked body is not clear")
        return b"".join(self._pieces) or (b"" if chunks.done else None)

    # -- httptools -------------------------------------------------------------------------------

    def _feed(self, data: bytes) -> None:
        assert self._llhttp is not None, "there is a body after a head only"
        try:
            self._llhttp.feed_data(data)
        except httptools.HttpParserUpgrade:
            pass  # RFC 9110, 7.8: a server may ignore Upgrade
        except httptools.HttpParserInvalidMethodError:
            raise Refusal(501, "there is no such method") from None
        except httptools.HttpParserError as error:
            raise Refusal(400, f"the request is not HTTP: {error}") from None

    def on_header(self, name: bytes, value: bytes) -> None:
        """A field of the head, or of the trailers, which are passed over."""
        self._fields.append((name.lower(), value.strip(b" \t")))

    def on_headers_complete(self) -> None:
        assert self._llhttp is not None, "who calls this"
        self._keep_alive = self._llhttp.should_keep_alive()

    def on_body(self, data: bytes) -> None:
        self._pieces.append(data)

    def on_message_complete(self) -> None:
        self._ended = True
