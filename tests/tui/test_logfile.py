"""Lines of a log by the bytes where they begin."""

import asyncio
import re

from hypothesis import given
from hypothesis import strategies as st

from labd.tui.logfile import CHUNK, LONGEST, LogFile, LogLine


class Bytes:
    """A log in memory, which counts what is read of it."""

    def __init__(self, data: bytes) -> None:
        self.data, self.asked = data, 0

    async def read(self, offset: int, limit: int) -> tuple[bytes, int]:
        self.asked += limit
        return self.data[offset : offset + limit], len(self.data)


def opened(data: bytes) -> LogFile:
    file = LogFile(Bytes(data).read)
    file.grown(len(data))
    return file


def pieces(data: bytes) -> list[bytes]:
    """All lines, long ones in pieces."""
    lines = data.split(b"\n")
    if not lines[-1]:
        lines.pop()
    return [line[at : at + LONGEST] for line in lines for at in range(0, max(len(line), 1), LONGEST)]


TEXTS = st.lists(
    st.sampled_from([b"", b"a", b"word " * 5, b"x" * 100, b"y" * LONGEST, b"z" * (LONGEST + 7)]), max_size=40
)


@given(TEXTS, st.booleans())
def test_lines_from_the_top_are_all_lines(parts: list[bytes], ends: bool):
    data = b"\n".join(parts) + b"\n" * ends
    found = asyncio.run(opened(data).lines(0, 10_000))
    assert [line.data for line in found] == pieces(data)


@given(TEXTS, st.integers(1, 50))
def test_going_back_from_the_end_finds_where_lines_begin(parts: list[bytes], count: int):
    data = b"\n".join(parts) + b"\n"
    file = opened(data)
    starts = [line.start for line in asyncio.run(file.lines(0, 10_000))]
    found = asyncio.run(file.before(len(data), count))
    assert found == (starts[-count] if count <= len(starts) else 0)


def test_the_end_of_three_gigabytes_costs_a_chunk_or_two():
    class Huge:
        asked = 0

        async def read(self, offset: int, limit: int) -> tuple[bytes, int]:
            self.asked += limit
            text = b"".join(
                b"line %056d\n" % number for number in range(offset // 62, (offset + limit) // 62 + 2)
            )
            return text[offset % 62 : offset % 62 + limit], 50_000_000 * 62

    huge = Huge()
    file = LogFile(huge.read)
    file.grown(50_000_000 * 62)

    async def look() -> list[LogLine]:
        start = await file.before(file.size, 50)
        return await file.lines(start, 50)

    lines = asyncio.run(look())
    assert (lines[0].text, lines[-1].text) == (f"line {49_999_950:056d}", f"line {49_999_999:056d}")
    assert huge.asked <= 4 * CHUNK


def test_a_log_that_grows_is_read_on():
    source = Bytes(b"one\n")
    file = LogFile(source.read)
    file.grown(4)

    async def look() -> list[str]:
        before = [line.text for line in await file.lines(0, 10)]
        source.data += b"two\n"
        file.grown(8)
        return [*before, *(line.text for line in await file.lines(0, 10))]

    assert asyncio.run(look()) == ["one", "one", "two"]


def test_memory_is_bounded():
    file = opened(b"x\n" * (CHUNK * 50))

    async def look() -> None:
        for offset in range(0, file.size, CHUNK // 2):
            await file.lines(offset, 1)

    asyncio.run(look())
    assert len(file._chunks) <= 64


def test_a_search_goes_down_and_up_over_strides():
    data = b"needle\n" + b"hay\n" * 800_000 + b"needle\n" + b"hay\n" * 1000
    file, pattern = opened(data), re.compile(b"NEEDLE", re.IGNORECASE)

    async def find(start: int, back: bool) -> int | None:
        return [found async for _, found in file.find(pattern, start, back=back)][-1]

    second = 7 + 3_200_000
    assert asyncio.run(find(0, False)) == 0
    assert asyncio.run(find(1, False)) == second
    assert asyncio.run(find(second + 1, False)) is None
    assert asyncio.run(find(len(data), True)) == second
    assert asyncio.run(find(second, True)) == 0


def test_what_a_terminal_would_leave():
    assert LogLine(0, b"10%\r50%\r100%\r", 0).text == "100%"
    assert LogLine(0, b"\x1b[31mred\x1b[0m \x1b]0;title\x07end", 0).text == "red end"
    assert LogLine(0, b"\xff\tx", 0).text == "�   x"
