"""R13: one daemon per state directory."""

import os

import pytest

from labd.daemon.lock import hold
from labd.errors import AlreadyRunning, StateError


def test_r13_the_second_one_is_told_who_was_first(tmp_path):
    fd = hold(str(tmp_path / "state"))
    with pytest.raises(AlreadyRunning, match=f"process {os.getpid()} is a labd on"):
        hold(str(tmp_path / "state"))
    os.close(fd)
    os.close(hold(str(tmp_path / "state")))


def test_a_directory_that_cannot_be_used_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StateError, match="state cannot be used: Not a directory"):
        hold(str(tmp_path / "file" / "state"))
