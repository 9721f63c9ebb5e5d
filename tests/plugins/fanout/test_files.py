"""What is on the disk survives: cut lines, refusals, another daemon."""

import logging
import os

import pytest
import trio
import trio.testing

from labd.api import UsageError
from labd.plugins.fanout import arguments, files
from labd.plugins.fanout.arguments import EVERY, Arguments, runs
from labd.plugins.fanout.files import Growing
from labd.plugins.fanout.folder import Folder
from labd.plugins.fanout.model import MapSpec, Record
from labd.plugins.fanout.recorder import PAUSE, Recorder
from labd.plugins.fanout.todo import Todo


def record(**more):
    return Record(id=1, spec=MapSpec(function="m:f"), user="anna", uid=1, created=0.0, **more)


def test_a_file_grows_behind_what_is_durable(tmp_path):
    file = Growing(str(tmp_path / "f"))
    file.append(b"one\n")
    with open(file.path, "ab") as torn:
        torn.write(b"half a li")
    file.append(b"two\n")
    assert (tmp_path / "f").read_bytes() == b"one\ntwo\n"
    assert (file.size, file.read(2, 4), file.read(8, 1)) == (8, b"e\ntw", b"")
    file.close()


@pytest.mark.parametrize(
    ("text", "whole"), [(b"", 0), (b"a", 0), (b"a\nb", 2), (b"a\n", 2), (b"a\n" + b"x" * 200_000, 2)]
)
def test_a_last_line_that_is_cut_off_does_not_count(tmp_path, text, whole):
    (tmp_path / "f").write_bytes(text)
    assert files.whole_lines(str(tmp_path / "f")) == whole
    assert b"".join(files.lines(str(tmp_path / "f"), whole)) == text[:whole]


def test_there_may_be_no_file(tmp_path):
    assert files.whole_lines(str(tmp_path / "none")) == 0
    assert list(files.lines(str(tmp_path / "none"), 0)) == []


def test_arguments_are_read_where_they_are(tmp_path):
    found = Arguments(str(tmp_path / "a"))
    (tmp_path / "a").write_bytes(b"".join(b"[%d]\n" % n for n in range(1000)))
    found.load(check=True)
    assert found.count == 1000
    wanted = [0, 1, 2, EVERY - 1, EVERY, 700, 999]
    assert found.read(wanted) == [b"[%d]" % n for n in wanted]
    assert list(runs(wanted)) == [(0, 2), (EVERY - 1, EVERY), (700, 700), (999, 999)]
    assert list(runs([])) == []


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"1\n\n", "line 2 of the arguments is no JSON: ''"),
        (b"1\n2", "line 2 of the arguments is cut off"),
        (b'{"a"}\n', "line 1 of the arguments is no JSON: '{\"a\"}'"),
        (b'"\xff"\n', "line 1 of the arguments is no JSON"),
        (b'"' + b"x" * 5_000_000 + b'"\n', "line 1 of the arguments has 5000003 bytes"),
    ],
)
def test_a_wrong_line_is_named(text, message):
    with pytest.raises(UsageError, match=message):
        arguments.check(text)


def test_arguments_that_come_twice_are_there_once(tmp_path):
    path = str(tmp_path / "a")
    assert arguments.append(path, 0, b"1\n2\n") == 4
    assert arguments.append(path, 0, b"1\n2\n") == 4
    assert arguments.append(path, 4, b"3\n") == 6
    with pytest.raises(UsageError, match="at byte 9, but only 6"):
        arguments.append(path, 9, b"4\n")
    assert (tmp_path / "a").read_bytes() == b"1\n2\n3\n"


def test_a_folder_tells_the_next_daemon_everything(tmp_path):
    folder = Folder(str(tmp_path / "1"))
    folder.make(record(total=4, state="running"), b"0\n1\n2\n3\n")
    assert folder.load().total == 4
    grown = folder.grown()
    grown.begun.append(b'{"first":0,"last":2,"attempt":1}\n')
    grown.results.append(b'{"index":0,"result":0,"attempt":1,"seconds":0.1,"worker":"w"}\n')
    grown.results.append(b'{"index":2,"error":{"type":"E"},"attempt":1,"seconds":0.1,"worker":"w"}\n{"ind')
    todo = Todo(4)
    folder.recall(todo, folder.grown())
    assert (todo.good, todo.bad, todo.take(9), todo.attempt(1), todo.attempt(3)) == (1, 1, [1, 3], 2, 1)
    again = folder.forget_failures()
    todo = Todo(4)
    folder.recall(todo, again)
    assert (todo.good, todo.bad) == (1, 0)
    assert todo.attempt(2) == 1
    for file in (*grown, *again):
        file.close()


async def test_what_comes_at_once_is_written_at_once_and_in_order(tmp_path, nursery):
    recorder, file, done = Recorder(logging.getLogger("t")), Growing(str(tmp_path / "f")), []
    for n in range(3):
        recorder.put((file, b"%d\n" % n), done=lambda n=n: done.append(n))
    nursery.start_soon(recorder.run)
    await recorder.commit((file, b"last\n"))
    assert (done, file.read(0, 99)) == ([0, 1, 2], b"0\n1\n2\nlast\n")
    nursery.cancel_scope.cancel()
    file.close()


async def test_what_a_late_file_says_of_others_is_there_before(tmp_path, nursery):
    order = []

    class Noted(Growing):
        def append(self, data):
            order.append((os.path.basename(self.path), data))
            super().append(data)

    late, early = Noted(str(tmp_path / "late"), late=True), Noted(str(tmp_path / "early"))
    recorder = Recorder(logging.getLogger("t"))
    recorder.put((late, b"1"), done=int)
    recorder.put((late, b"2"), (early, b"3"), done=int)
    nursery.start_soon(recorder.run)
    await recorder.commit()
    assert order == [("early", b"3"), ("late", b"12")]
    nursery.cancel_scope.cancel()
    for file in (late, early):
        file.close()


async def test_a_disk_that_refuses_is_asked_again_and_nothing_counts_before(
    tmp_path, nursery, autojump_clock
):
    class Refusing(Growing):
        times = 2

        def append(self, data):
            if self.times:
                self.times -= 1
                raise OSError(28, "No space left on device")
            super().append(data)

    recorder, file = Recorder(logging.getLogger("t")), Refusing(str(tmp_path / "f"))
    nursery.start_soon(recorder.run)
    began = trio.current_time()
    await recorder.commit((file, b"x\n"))
    assert trio.current_time() - began >= 2 * PAUSE
    assert (recorder.trouble, file.size) == ("", 2)
    nursery.cancel_scope.cancel()
    file.close()
