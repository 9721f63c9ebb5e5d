"""What calls print outlives their worker."""

import os

import pytest

from labd.plugins.fanout import said
from labd.plugins.fanout.said import Capture


@pytest.fixture(autouse=True)
def _home(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))


def test_what_a_dead_worker_had_printed_is_read_once_with_its_call(tmp_path):
    capture = Capture("one")
    capture.begin(3)
    os.write(capture.fd, b"of the call before")
    assert capture.taken() == "of the call before"
    capture.begin(4)
    os.write(capture.fd, "so far: é".encode())
    os.close(capture.fd)
    assert said.last_words("one") == [4, "so far: é"]
    assert said.last_words("one") == []
    assert os.listdir(tmp_path / "labd" / "said") == []


def test_who_leaves_in_peace_takes_the_files_away_and_old_ones_too(tmp_path):
    folder = tmp_path / "labd" / "said"
    capture = Capture("one")
    (folder / "old").touch()
    os.utime(folder / "old", (1, 1))
    capture.leave()
    capture.leave()
    assert os.listdir(folder) == []
    os.close(capture.fd)


def test_where_no_file_can_be_made_memory_does(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", "/dev/null")
    capture = Capture("one")
    capture.begin(1)
    os.write(capture.fd, b"x" * (said.MOST + 10))
    assert "(10 bytes left out)" in capture.taken()
    assert capture.taken() == ""
    os.close(capture.fd)
