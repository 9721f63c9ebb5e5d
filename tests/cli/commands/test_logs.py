"""``labctl logs``: every byte once, whatever happens to the daemon."""

import json
from typing import Any

import pytest

from labd.cli.connect import Steady
from labd.cli.watch import last_lines
from labd.errors import DeadlineExceeded, NotFound
from tests.cli.conftest import Labctl
from tests.cli.fake import FakeDaemon, Hangup, ended, queued

LOG = b"".join(b"line %d\n" % n for n in range(10_000))


def log_of(data: bytes, chunk: int = 65_536) -> Any:
    """A daemon's answers about an attempt that has ended."""

    def answer(params: dict[str, Any]) -> dict[str, Any]:
        offset = params["offset"]
        start = max(0, len(data) + offset) if offset < 0 else min(offset, len(data))
        part = data[start : start + min(params["limit"], chunk)]
        return {
            "data": part,
            "offset": start + len(part),
            "end": start + len(part) == len(data),
            "attempt": 2,
        }

    return answer


def test_bytes_come_out_as_they_went_in(daemon: FakeDaemon, run: Labctl) -> None:
    daemon.on("job.log", log_of(LOG, chunk=1000))
    assert run("logs", "12").out == LOG.decode()


def test_the_attempt_stays_the_one_of_the_first_answer(daemon: FakeDaemon, run: Labctl) -> None:
    daemon.on("job.log", log_of(b"abcdef", chunk=2))
    run("logs", "12")
    assert [params["attempt"] for params in daemon.params("job.log")] == [None, 2, 2]


def test_an_offset_and_an_attempt_travel(daemon: FakeDaemon, run: Labctl) -> None:
    daemon.on("job.log", log_of(b"abcdef"))
    assert run("logs", "12", "--offset", "4", "--attempt", "1").out == "ef"
    assert daemon.params("job.log")[0]["attempt"] == 1


@pytest.mark.parametrize("lines", [1, 20, 5000])
def test_tail_begins_so_many_lines_before_the_end(daemon: FakeDaemon, run: Labctl, lines: int) -> None:
    daemon.on("job.log", log_of(LOG, chunk=1_048_576))
    assert run("logs", "12", "--tail", str(lines)).out.splitlines() == LOG.decode().splitlines()[-lines:]


def test_tail_of_a_log_without_a_last_newline(daemon: FakeDaemon, run: Labctl) -> None:
    daemon.on("job.log", log_of(b"a\nb\nhalf"))
    assert run("logs", "12", "--tail", "2").out == "b\nhalf"


@pytest.mark.parametrize(
    ("data", "lines", "found"),
    [
        (b"", 3, b""),
        (b"a\nb\n", 1, b"b\n"),
        (b"a\nb\n", 2, b"a\nb\n"),
        (b"a\nb\n", 9, b"a\nb\n"),
        (b"a\nb", 1, b"b"),
        (b"\n\n\n", 2, b"\n\n"),
        (b"a\n", 0, b""),
    ],
)
def test_last_lines(data: bytes, lines: int, found: bytes) -> None:
    assert last_lines(data, lines) == found


def test_follow_goes_on_until_the_attempt_has_ended(daemon: FakeDaemon, run: Labctl) -> None:
    daemon.script(
        "job.log",
        {"data": b"a", "offset": 1, "end": False, "attempt": 1},
        {"data": b"", "offset": 1, "end": False, "attempt": 1},
        DeadlineExceeded("nothing was written"),
        {"data": b"b", "offset": 2, "end": True, "attempt": 1},
    )
    daemon.on("job.show", {"job": ended(12, "failed", exit_code=3), "attempts": []})
    assert run("logs", "-f", "12") == (0, "ab", "Job 12 (train) failed after 4m00s: exit 3.\n")
    assert [params["offset"] for params in daemon.params("job.log")] == [0, 1, 1, 1]
    assert {params["wait"] for params in daemon.params("job.log")} == {True}


def test_follow_resumes_at_its_offset_when_the_daemon_was_restarted(
    daemon: FakeDaemon, run: Labctl, monkeypatch: pytest.MonkeyPatch
) -> None:
    def dies(params: dict[str, Any]) -> None:
        daemon.stop()
        raise Hangup

    restarted: list[float] = []
    daemon.on("job.show", {"job": queued(12), "attempts": []})

    def restart_meanwhile(seconds: float) -> None:
        restarted.append(seconds)
        if len(restarted) == 3:
            daemon.start()

    monkeypatch.setitem(Steady.__init__.__kwdefaults__, "sleep", restart_meanwhile)
    daemon.script(
        "job.log",
        {"data": b"before ", "offset": 7, "end": False, "attempt": 1},
        dies,
        {"data": b"after\n", "offset": 13, "end": True, "attempt": 1},
    )
    code, out, err = run("logs", "-f", "12")
    assert (code, out) == (0, "before after\n")
    assert daemon.params("job.log")[-1]["offset"] == 7
    assert err.startswith(
        "labd went away; waiting for it to come back (jobs go on without it)\nlabd is back\n"
    )
    assert err.endswith("The attempt has ended; job 12 (train) is queued again.\n")
    assert restarted == [0.1, 0.1, 0.2]


def test_a_name_is_looked_up_once(daemon: FakeDaemon, run: Labctl) -> None:
    daemon.on("job.find", {"ids": [7]})
    daemon.on("job.log", log_of(b"abcd", chunk=1))
    run("logs", "last")
    assert daemon.params("job.find") == [{"jobs": ["last"]}]
    assert {params["job"] for params in daemon.params("job.log")} == {7}


def test_json_is_one_object_a_line(daemon: FakeDaemon, run: Labctl) -> None:
    daemon.on("job.log", log_of(b"ab\xff\n", chunk=3))
    lines = [json.loads(line) for line in run("logs", "12", "--json").out.splitlines()]
    assert lines == [
        {"version": 1, "attempt": 2, "offset": 0, "text": "ab\ufffd"},
        {"version": 1, "attempt": 2, "offset": 3, "text": "\n"},
    ]


def test_an_attempt_that_never_was(daemon: FakeDaemon, run: Labctl) -> None:
    daemon.on("job.log", NotFound("job 12 has no attempt 3", hint="it has had 2 so far"))
    assert run("logs", "12", "--attempt", "3").code == 4
