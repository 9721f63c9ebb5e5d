"""The parts of the client that ask nobody."""

import io
import math
import subprocess
import sys

import pytest

from labd.client import models, show, spec
from labd.client.function import ship
from labd.client.results import CallFailed, MapFailed, Result, Sorter, Stream
from labd.errors import UsageError

LINE = b'{"index":%d,"result":%d,"attempt":1,"seconds":0.1,"worker":"w"}\n'
VIEW = {
    "id": 3, "name": "", "function": "m:<f>", "state": "running", "total": 10, "succeeded": 4, "failed": 1,
    "repeated": 2, "rate": 2.5, "eta": 3723.0, "reason": "",
}  # fmt: skip


def result(index):
    return Result(index, index, None, 1, 0.0, "w")


def test_lines_may_be_cut_anywhere():
    data, stream = LINE % (0, 5) + LINE % (1, 6), Stream()
    found = [r for at in range(0, len(data), 7) for r in stream.feed(data[at : at + 7])]
    assert [(r.index, r.value()) for r in found] == [(0, 5), (1, 6)]


def test_an_error_is_raised_where_its_value_is_asked_for():
    wrong = Result(4, None, {"type": "E", "message": "m", "traceback": "t"}, 1, 0.0, "w")
    with pytest.raises(CallFailed, match="call 4: E: m") as caught:
        wrong.value()
    assert (caught.value.index, caught.value.type, caught.value.traceback) == (4, "E", "t")


def test_results_wait_for_their_turn():
    sorter = Sorter()
    given = [r.index for n in (2, 0, 1, 4, 3) for r in sorter.put(result(n))]
    assert given == [0, 1, 2, 3, 4]


def test_what_is_importable_goes_by_name():
    assert ship(math.sqrt).function == "math:sqrt"
    assert ship(subprocess.run).function == "subprocess:run"
    assert ship("a.b:c").function == "a.b:c"


def test_an_inner_function_goes_as_text():
    def inner(x):
        return math.floor(x) + len(VIEW)

    shipped = ship(inner)
    scope = {}
    exec(shipped.source, scope)
    assert scope[shipped.function](2.5) == 2 + len(VIEW)


def test_what_cannot_travel_is_named():
    bound = 3

    def closes(x):
        return x + bound

    stream = io.StringIO()
    globals()["STREAM"] = stream

    def uses(x):
        return STREAM.write(x)  # noqa: F821

    with pytest.raises(UsageError, match="function closes closes over bound"):
        ship(closes)
    with pytest.raises(UsageError, match="function uses uses STREAM, a StringIO"):
        ship(uses)
    with pytest.raises(UsageError, match="a lambda cannot travel"):
        ship(lambda x: x)
    with pytest.raises(UsageError, match="cannot travel: no module has it"):
        ship(stream.write)


def test_a_spec_takes_this_program_along(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LABD_SOCKET", "/x")
    found = spec.spec_of("m:f", {"a": 1}, {"retries": 2})
    assert (found["cwd"], found["python"], found["kwargs"], found["retries"]) == (
        str(tmp_path), sys.executable, {"a": 1}, 2
    )  # fmt: skip
    assert "LABD_SOCKET" not in found["env"]
    with pytest.raises(UsageError, match="a map takes no 'retry'"):
        spec.spec_of("m:f", None, {"retry": 2})


def test_arguments_become_lines_in_pieces(monkeypatch):
    assert list(spec.lines(([1, 2], ["a", "b"]))) == [b'[1, "a"]\n', b'[2, "b"]\n']
    monkeypatch.setattr(spec, "PART", 8)
    assert list(spec.parts([b"12345\n", b"12345\n", b"1\n"])) == [(b"12345\n", True), (b"12345\n1\n", False)]
    assert list(spec.parts([])) == [(b"", False)]
    with pytest.raises(UsageError, match="the arguments of call 1 are not JSON"):
        list(spec.lines(([1, {2}],)))
    assert spec.simple_range((range(0, 10, 3),)) == [0, 9, 3]
    assert spec.simple_range((range(5, 0, -1),)) is None


def test_a_map_in_words_and_in_a_notebook():
    assert show.sentence(VIEW) == "running: 5/10, 1 failed, 2 repeated, 2.5/s, 1:02:03 left"
    assert "<progress" in show.html(VIEW)
    assert "m:&lt;f&gt;" in show.html(VIEW)


def test_a_bar_is_drawn_at_a_pace_and_whole_at_the_end():
    stream = io.StringIO()
    with show.TerminalBar(stream) as bar:
        for _ in range(100):
            bar.draw(VIEW)
        bar.draw({**VIEW, "state": "succeeded", "succeeded": 9})
    assert stream.getvalue().count("\r") < 10
    assert "[##############################] succeeded: 10/10" in stream.getvalue()
    assert isinstance(show.bar(False), show.Bar)
    assert issubclass(MapFailed, Exception)


@pytest.mark.parametrize(
    ("value", "datatype", "goes"),
    [
        ([[1, 2]], "FP32", "FP32"), ([[True]], "", "BOOL"), (["a", "ö"], "", "BYTES"),
        ([b"\0"], "BYTES", "BYTES"),
        ([[1.5]], "", "FP64"),
    ],
)  # fmt: skip
def test_arrays_go_to_a_model_and_come_back(value, datatype, goes):
    pytest.importorskip("numpy")
    sent = models._packed("x", value, datatype)
    found = models._array(sent).tolist()
    assert (sent["datatype"], sent["shape"][0]) == (goes, len(value))
    assert found == [each.encode() if isinstance(each, str) else each for each in value]


@pytest.mark.parametrize(
    ("value", "datatype", "words"),
    [
        ([[1, 2], [3]], "FP32", "rows of different lengths"),
        (None, "FP32", "but of NoneType"),
        ([1j], "FP32", "complex128; the model takes FP32"),
        ([1.5], "INT64", "float64 that are none of INT64"),
        ([300], "UINT8", "int64 that are none of UINT8"),
        ([-1], "UINT32", "none of UINT32"),
        ([2], "BOOL", "none of BOOL"),
    ],
)
def test_what_would_become_something_else_is_refused(value, datatype, words):
    with pytest.raises(UsageError, match=words):
        models._packed("x", value, datatype)


@pytest.mark.parametrize(
    ("value", "datatype"), [([1.0, 2.0], "INT64"), ([255, 0], "UINT8"), ([0, 1], "BOOL")]
)
def test_what_stays_the_same_is_converted(value, datatype):
    assert models._array(models._packed("x", value, datatype)).tolist() == value


def test_what_no_model_takes_is_refused():
    numpy = pytest.importorskip("numpy")
    with pytest.raises(UsageError, match="complex"):
        models._packed("x", numpy.array([1j]), "")
