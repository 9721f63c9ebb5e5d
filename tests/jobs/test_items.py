"""The lines of arrays: found by number, checked whole, filled in."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labd.errors import NotFound, UsageError
from labd.jobs.items import MAX_LINE, STRIDE, Items, filled
from labd.store.blobs import Blobs


@pytest.fixture
def blobs(tmp_path):
    return Blobs(str(tmp_path / "blobs"))


@pytest.mark.parametrize("count", [1, 2, STRIDE, STRIDE + 1, 3 * STRIDE + 7])
def test_each_line_is_found_by_its_number(blobs, count):
    digest = blobs.put("".join(f"line {n} é\n" for n in range(count)).encode())
    items = Items(blobs)
    items.check(digest, count, False)
    assert [items.line(digest, n) for n in range(count)] == [f"line {n} é" for n in range(count)]


@pytest.mark.parametrize(
    ("data", "as_json", "words"),
    [
        (b"a\nb\n", False, "there are 2 lines for 3 tasks"),
        (b"a\n\xff\nb\n", False, "line 2 is not UTF-8"),
        (b"a\nb\0\nc\n", False, "line 2 holds a NUL byte"),
        (b"{}\n{}\n{]\n", True, r"line 3 \(\{\]\) is no JSON"),
        (b"{}\n[1]\n{}\n", True, r"line 2 is no JSON object: \[1\]"),
        (b"a\n" + b"x" * (MAX_LINE + 1) + b"\nb\n", False, "line 2 is longer than"),
    ],
)
def test_lines_that_cannot_be_tasks_are_named(blobs, data, as_json, words):
    with pytest.raises(UsageError, match=words):
        Items(blobs).check(blobs.put(data), 3, as_json)


def test_each_line_has_the_values_that_the_command_names(blobs):
    digest = blobs.put(b'{"lr": 1, "b": 2}\n{"lr": 2}\n')
    Items(blobs).check(digest, 2, True, ["{task.lr}", "{index} {task} {other}"])
    Items(blobs).check(digest, 2, False, ["{task.b}"])
    with pytest.raises(UsageError, match=r"the command has \{task.b\}, which line 2 has not: ..lr.: 2"):
        Items(blobs).check(digest, 2, True, ["--lr={task.lr}", "x{task.b}y"])


def test_a_blob_that_is_not_there_is_not_found(blobs):
    with pytest.raises(NotFound):
        Items(blobs).line("0" * 64, 0)


def test_words_are_filled_in_once():
    line = '{"lr": 0.1, "name": "{index}", "nested": [1, 2]}'
    argv = [
        "{index}",
        "--lr={task.lr}",
        "{task.name}",
        "{task.nested}",
        "{task.none}",
        "{",
        "{}",
        "a{index}b{index}",
    ]
    assert filled(argv, 7, line, True) == [
        "7", "--lr=0.1", "{index}", "[1, 2]", "{task.none}", "{", "{}", "a7b7",
    ]  # fmt: skip
    assert filled(["{task}", "{index}"], 3, "{index}", False) == ["{index}", "3"]
    assert filled(["{task}"], 3, None, False) == ["{task}"]


@given(st.text(alphabet="{}aindextsk."))
def test_filling_in_changes_nothing_else(word):
    if "{index}" not in word:
        assert filled([word], 1, None, False) == [word]
