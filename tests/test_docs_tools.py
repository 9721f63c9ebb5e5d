"""The programs that make and check the documentation."""

import pytest

from docs import generate, pictures
from docs.blocks import Block, blocks, differs, steps
from docs.screen import Screen


def test_a_block_knows_its_language_its_words_and_its_line(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("# Title\n\n```console run exit=3\n$ false\n```\n\n```python file=a.py\nx = 1\n```\n")
    first, second = blocks(page)
    assert (first.language, first.words, first.line) == ("console", ("run", "exit=3"), 3)
    assert (second.value("file"), second.text) == ("a.py", "x = 1\n")


def test_a_command_ends_at_the_next_and_what_stands_between_is_its_output():
    text = "$ echo one\none\n$ echo two \\\n  three\ntwo three\n"
    first, second = steps(Block("console", ("run", "exit=4"), text, 1))
    assert first == ("echo one", 0, "one")
    assert second == ("echo two \\\n  three", 4, "two three")


@pytest.mark.parametrize(
    ("expected", "printed"),
    [
        ("a ... c", "a b c"),
        ("a", "a\n"),
        ("a  b", "a b"),
        ("", ""),
        ("...", "x\ny"),
        ("a\n...\nd", "a\nb\nc\nd"),
    ],
)
def test_dots_stand_for_anything_and_spaces_count_as_one(expected, printed):
    assert not differs(expected, printed)


@pytest.mark.parametrize(
    ("expected", "printed"), [("a", "b"), ("a", ""), ("", "a"), ("a ...", "b a"), ("a.c", "abc")]
)
def test_anything_else_is_a_difference(expected, printed):
    assert differs(expected, printed)


def screen_after(text: str) -> list[str]:
    screen = Screen(10, 3)
    screen.feed(text)
    return screen.rows()


def test_a_screen_goes_up_and_writes_over_what_was_there():
    assert screen_after("one\r\ntwo\r\n\x1b[2Fsix\x1b[K") == ["six", "two"]


def test_a_screen_erases_what_is_below():
    assert screen_after("one\r\ntwo\r\nten\x1b[1F\x1b[J") == ["one"]


def test_a_screen_scrolls_and_wraps():
    assert screen_after("1\r\n2\r\n3\r\n4") == ["2", "3", "4"]
    assert screen_after("x" * 12) == ["x" * 10, "xx"]


def test_a_screen_keeps_colours():
    assert screen_after("\x1b[31mred\x1b[0m no") == ["\x1b[0m\x1b[31mred\x1b[0m no"]


def test_a_screen_says_what_it_does_not_know():
    with pytest.raises(ValueError, match="does not know 'H'"):
        screen_after("\x1b[2;2H")


def test_a_picture_can_be_read_back():
    rows = ["\x1b[0m\x1b[32mgreen\x1b[0m & <plain>", "second"]
    assert pictures.shown(pictures.svg(rows, "title")) == ["green & <plain>", "second"]


def test_what_is_written_by_hand_stays():
    page = "before\n<!-- generated: states -->\nold\n<!-- end -->\nafter\n"
    text = generate.filled(page)
    assert text.startswith("before\n<!-- generated: states -->\n\n| state |")
    assert text.endswith("|\n\n<!-- end -->\nafter\n")
    assert generate.filled(text) == text
