"""What a keeper says, and what a tampered one may say, in words."""

import pytest

from labd.workers.endings import ending, read


@pytest.mark.parametrize(
    ("said", "asked", "reason"),
    [
        ({"reason": "exited", "exit_code": 3}, "", "it left with exit code 3"),
        ({"reason": "exited", "signal": 11}, "", "killed by SIGSEGV"),
        ({"reason": "exited", "signal": 24}, "", "it used more processor time than it may"),
        ({"reason": "exited", "signal": 99}, "", "killed by signal 99"),
        ({"reason": "told", "signal": 9}, "enough", "enough"),
        ({"reason": "out_of_memory", "why": "used 2 GiB"}, "", "it used more memory than it may: used 2 GiB"),
        ({"reason": "cannot enter /x: No such file"}, "", "cannot enter /x: No such file"),
    ],
)
def test_the_reason_is_a_sentence(said, asked, reason):
    assert ending(said, asked, walled=False).reason == reason


def test_bubblewrap_passes_a_signal_on_as_a_code():
    found = ending({"reason": "exited", "exit_code": 137}, "", walled=True)
    assert (found.signal, found.exit_code) == (9, None)


@pytest.mark.parametrize("packet", [b"", b"{", b"[]", b"\xff\xfe", b'"x"'])
def test_nonsense_is_nothing(packet):
    assert read(packet) == {}
    wild = {"reason": 7, "signal": "x", "seconds": "long", "peak_memory": []}
    assert ending(wild, "", walled=True).seconds == 0
