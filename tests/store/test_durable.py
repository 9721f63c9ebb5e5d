"""Files are replaced whole, privately, and in the order that survives a power cut."""

import os
import shutil
import stat
import sys
from pathlib import Path
from random import Random

import pytest

from labd.store import durable
from tests.powerloss import Disk
from tests.syscalls import record

PROGRAM = """
import sys
from labd.store.durable import write_file
for number in range(4):
    write_file(sys.argv[1], "f", b"%d" % number * 700)
"""


def test_a_file_is_replaced_whole_and_is_private(tmp_path: Path) -> None:
    for data in (b"one", b"two"):
        durable.write_file(str(tmp_path), "file", data)
        assert (tmp_path / "file").read_bytes() == data
    assert os.listdir(tmp_path) == ["file"]
    assert stat.S_IMODE((tmp_path / "file").stat().st_mode) == 0o600


def test_a_failure_leaves_the_old_file_and_no_litter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(path: str) -> None:
        raise OSError(5, "Input/output error")

    durable.write_file(str(tmp_path), "file", b"one")
    monkeypatch.setattr(durable, "fsync_file", fail)
    with pytest.raises(OSError, match="Input/output"):
        durable.write_file(str(tmp_path), "file", b"two")
    assert (tmp_path / "file").read_bytes() == b"one"
    assert os.listdir(tmp_path) == ["file"]


def test_a_dated_name_is_never_taken_twice(tmp_path: Path) -> None:
    first = durable.dated(str(tmp_path / "a-"), 0.0, ".db")
    Path(first).touch()
    assert os.path.basename(first) == "a-19700101T000000Z.db"
    assert os.path.basename(durable.dated(str(tmp_path / "a-"), 0.0, ".db")) == "a-19700101T000000Z-1.db"


@pytest.mark.real
@pytest.mark.skipif(not shutil.which("strace"), reason="needs the package strace")
def test_r1_a_file_is_old_or_new_after_a_power_cut_and_never_torn(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    ops = record([sys.executable, "-c", PROGRAM, str(folder)], folder, tmp_path / "log")
    disk, least = Disk(Random(3)), b""
    for op in ops:
        disk.do(op)
        images = [disk.image(chance).get(str(folder / "f"), b"") for chance in (0.0, 0.3, 0.5, 0.7, 1.0)]
        assert all(data == data[:1] * 700 and data >= least for data in images)
        least = max(least, images[0])
    assert least == b"3" * 700
