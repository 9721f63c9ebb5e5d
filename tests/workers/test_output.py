"""Lines of a worker: cut, counted, never lost in silence."""

from labd.workers.output import BURST, LONGEST, PACE, Lines


def test_lines_are_put_together_from_pieces():
    lines = Lines()
    assert lines.feed(b"one\ntw", 0) == ["one"]
    assert lines.feed(b"o\r\nthree", 0) == ["two"]
    assert lines.finish(0) == ["three"]


def test_a_flood_is_counted_and_said_once_it_ebbs():
    lines = Lines()
    assert len(lines.feed(b"x\n" * 1000, 0)) == BURST
    assert lines.left_out == 1000 - BURST
    assert lines.feed(b"later\n", 1 / PACE) == [f"({1000 - int(BURST)} lines left out)", "later"]


def test_a_line_without_end_takes_bounded_memory():
    lines = Lines()
    for _ in range(100):
        assert lines.feed(b"x" * 65_536, 0) == []
    [line] = lines.feed(b"\n", 0)
    assert len(line) == LONGEST


def test_what_is_no_text_is_shown_all_the_same():
    assert Lines().feed(b"\xff\xfe\n", 0) == ["\ufffd\ufffd"]
