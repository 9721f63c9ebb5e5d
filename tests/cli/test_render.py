"""Terminals, widths, tables, times, and jobs in words."""

import io
from typing import Any

import pytest

from labd.cli import output, times, view
from labd.cli.detail import takes
from labd.cli.machine import headline
from labd.cli.render import Terminal, cells, cut, pad, safe, terminal
from labd.cli.table import Cell, Column, pairs, table
from tests.cli.fake import NOW, ended, job, queued


class Tty(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("stream", "env", "colour", "width"),
    [
        (Tty(), {}, True, 80),
        (Tty(), {"COLUMNS": "120"}, True, 120),
        (Tty(), {"COLUMNS": "wide"}, True, 80),
        (Tty(), {"NO_COLOR": "1"}, False, 80),
        (Tty(), {"NO_COLOR": ""}, True, 80),
        (Tty(), {"TERM": "dumb"}, False, 80),
        (Tty(), {"CLICOLOR": "0"}, False, 80),
        (Tty(), {"NO_COLOR": "1", "CLICOLOR_FORCE": "1"}, True, 80),
        (io.StringIO(), {}, False, None),
        (io.StringIO(), {"COLUMNS": "40"}, False, None),
        (io.StringIO(), {"CLICOLOR_FORCE": "1"}, True, None),
        (io.StringIO(), {"CLICOLOR_FORCE": "0"}, False, None),
    ],
)
def test_what_a_terminal_can_take(
    stream: io.StringIO, env: dict[str, str], colour: bool, width: int | None
) -> None:
    assert terminal(stream, env) == (colour, width)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain äöü 数据", "plain äöü 数据"),
        ("\x1b[31mred", "\\x1b[31mred"),
        ("a\tb\nc\r\x00\x7f", "a\\tb\\nc\\r\\x00\\x7f"),
        ("\x9b2J", "\\x9b2J"),
        ("abc\u202edef", "abc\\u202edef"),
        ("\udcff", "\\udcff"),
    ],
)
def test_control_characters_are_escaped(text: str, shown: str) -> None:
    assert safe(text) == shown


@pytest.mark.parametrize(("text", "width"), [("abc", 3), ("数据", 4), ("e\u0301", 1), ("", 0), ("ｗ", 2)])
def test_cells_are_what_a_terminal_fills(text: str, width: int) -> None:
    assert cells(text) == width


@pytest.mark.parametrize(
    ("text", "width", "shown"),
    [
        ("abcdef", 6, "abcdef"),
        ("abcdef", 4, "abc…"),
        ("数据数据", 5, "数据…"),
        ("数据数据", 4, "数…"),
        ("abc", 1, "…"),
        ("abc", 0, ""),
        ("e\u0301e\u0301e\u0301", 2, "e\u0301…"),
    ],
)
def test_cut_never_fills_more_than_it_may(text: str, width: int, shown: str) -> None:
    assert cut(text, width) == shown
    assert cells(shown) <= width


def test_pad_counts_cells() -> None:
    assert (pad("数", 4), pad("数", 4, right=True)) == ("数  ", "  数")


def test_columns_without_a_value_are_left_out() -> None:
    lines = table(
        [Column("A"), Column("B"), Column("C", right=True)], [[Cell("1"), Cell(""), Cell("22")]], Terminal()
    )
    assert lines == ["A   C", "1  22"]


def test_pairs_leave_out_what_is_empty() -> None:
    assert pairs([("Key", "v"), ("Longer", ""), ("K", "a\nb")], Terminal()) == ["Key  v", "K    a\\nb"]


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (-1, "0.0s"),
        (0, "0.0s"),
        (3.24, "3.2s"),
        (9.96, "10s"),
        (45.4, "45s"),
        (59.6, "1m00s"),
        (185, "3m05s"),
        (3599.7, "1h00m"),
        (3725, "1h02m"),
        (86_399, "23h59m"),
        (273_600, "3d04h"),
        (400 * 86_400, "400d00h"),
    ],
)
def test_spans_have_two_units(seconds: float, shown: str) -> None:
    assert times.span(seconds) == shown


@pytest.mark.parametrize(
    ("count", "shown"),
    [
        (0, "0B"),
        (512, "512B"),
        (1023, "1.0K"),
        (2**20, "1M"),
        (1536 * 2**20, "1.5G"),
        (2**33, "8G"),
        (1000 * 2**30, "1.0T"),
        (2**50, "1024T"),
        (123_456_789_012, "115G"),
    ],
)
def test_memory_is_short(count: int, shown: str) -> None:
    assert view.memory(count) == shown


@pytest.mark.parametrize(
    ("shown", "takes", "info"),
    [
        (job(), "2c 8G", ""),
        (job(cpus=0.5, memory=0), "0.5c", ""),
        (job(cpus=0, memory=0, gpus=2, gpu_ids=[0, 1]), "2g", ""),
        (job(cpus=0, memory=0, gpus=0.25, gpu_ids=[1]), "0.25g", ""),
        (job(cpus=0, memory=0, gpus=1, gpu_ids=[1], vram=8 * 2**30), "8Gv", ""),
        (job(cpus=0, memory=0, gpus=2, vram=8 * 2**30), "2g 8Gv", ""),
        (job(cpus=0, memory=0, gpus=0.5, vram=8 * 2**30), "0.5g 8Gv", ""),
        (queued(1, waiting_for="2 cores (1 free)"), "2c 8G", "2 cores (1 free)"),
        (ended(1, "failed", exit_code=3, reason="exit code 3"), "2c 8G", "exit 3, 1m00s ago"),
        (ended(1, "failed", signal=9, reason="signal 9"), "2c 8G", "SIGKILL, 1m00s ago"),
        (ended(1, "failed", signal=9, reason="out of memory"), "2c 8G", "SIGKILL (out of memory), 1m00s ago"),
        (ended(1, "failed", signal=63), "2c 8G", "signal 63, 1m00s ago"),
        (ended(1, "cancelled", signal=15, reason="by anna"), "2c 8G", "by anna, 1m00s ago"),
        (ended(1, "lost", reason="its shim died"), "2c 8G", "its shim died, 1m00s ago"),
        (ended(1, "succeeded", exit_code=0, reason="exit code 0"), "2c 8G", "1m00s ago"),
    ],
)
def test_a_job_in_words(shown: dict[str, Any], takes: str, info: str) -> None:
    assert (view.resources(shown), view.info(shown, NOW)) == (takes, info)


@pytest.mark.parametrize(
    ("progress", "bar"),
    [
        (None, ""),
        (0, "░░░░░░░░░░   0%"),
        (0.42, "████░░░░░░  42%"),
        (1, "██████████ 100%"),
        (7, "██████████ 100%"),
    ],
)
def test_progress_is_a_bar(progress: float | None, bar: str) -> None:
    assert view.progress(job(progress=progress)) == bar


def test_the_headline_is_content_with_little() -> None:
    assert headline({}, Terminal()) == ["Jobs none"]
    assert headline({"jobs": {"queued": 2, "held": 1, "lost": 0}}, Terminal()) == ["Jobs 2 queued, 1 held"]


def test_what_is_used_up_is_yellow() -> None:
    has = {"cores": 4.0, "cores_held": 4.0, "memory": 0, "gpus": [0], "gpus_held": {}}
    assert headline({"resources": has}, Terminal(colour=True))[0] == "Cores \x1b[33m4/4\x1b[0m   GPUs 0/1"


def test_gpus_that_are_shared_count_as_their_parts() -> None:
    def device(memory: int, *held: tuple[float, int]) -> dict[str, Any]:
        return {"memory": memory, "held": [{"share": share, "memory": taken} for share, taken in held]}

    shared = device(24 * 2**30, (0.25, 6 * 2**30), (0.0, 12 * 2**30))
    has = {"gpus": [0, 1], "gpus_held": {}, "devices": [shared, device(24 * 2**30)]}
    assert headline({"resources": has}, Terminal())[0] == "GPUs 0.75/2   VRAM 18G/48G"
    has["devices"] = [device(0, (0.25, 0), (0.5, 0)), device(0, (1.0, 0))]
    assert headline({"resources": has}, Terminal())[0] == "GPUs 1.75/2"


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"gpus": 2, "gpu_ids": [0, 1]}, "GPUs 0, 1"),
        ({"gpus": 1}, "1 GPU"),
        ({"gpus": 0.25}, "0.25 of a GPU"),
        ({"gpus": 0.25, "gpu_ids": [1]}, "0.25 of GPU 1"),
        ({"gpus": 0.5, "gpu_ids": [1], "vram": 2**33}, "0.5 of GPU 1 and 8G of its memory"),
        ({"vram": 2**33}, "8G of the memory of a GPU"),
        ({"gpus": 1, "gpu_ids": [0], "vram": 2**33}, "8G of the memory of GPU 0"),
        ({"gpus": 2, "vram": 2**33}, "8G of the memory of each of 2 GPUs"),
        ({"gpus": 2, "gpu_ids": [0, 3], "vram": 2**33}, "8G of the memory of each of GPUs 0, 3"),
    ],
)
def test_gpus_in_words(asked: dict[str, Any], said: str) -> None:
    assert takes(job(cpus=0, memory=0, **asked)) == said


def test_json_is_json_whatever_it_holds() -> None:
    import numpy

    value = {1: float("inf"), "b": b"\xff", "t": b"text", "a": numpy.arange(3), "n": (1, None), "s": "\udcff"}
    assert output.encode(value) == (
        '{"1": null, "b": {"base64": "/w=="}, "t": "text", "a": [0, 1, 2], "n": [1, null], "s": "\udcff"}'
    )
