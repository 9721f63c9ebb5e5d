"""``labctl shutdown``: it asks, it says what will be, and it needs an admin."""

import io
import json
from typing import Any

import pytest

from tests.cli.conftest import Labctl
from tests.cli.fake import HELLO, FakeDaemon


@pytest.fixture
def asked(daemon: FakeDaemon) -> FakeDaemon:
    daemon.on("daemon.status", {"pid": 7, "jobs": {"running": 1, "paused": 1, "queued": 5}})
    daemon.on("daemon.stop", {})
    return daemon


class Person(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_it_says_what_becomes_of_jobs(asked: FakeDaemon, run: Labctl) -> None:
    told = "Stopping labd (pid 7): 2 running jobs go on without it.\n"
    assert run("shutdown", "--yes") == (0, told, "")
    assert run("shutdown", "-y", "--drain", "1h", "--reason", "new driver").out == (
        "Stopping labd (pid 7): 2 running jobs may take 1h00m, and then go on without it.\n"
    )
    assert asked.params("daemon.stop") == [
        {"reason": "", "drain": None},
        {"reason": "new driver", "drain": 3600.0},
    ]


@pytest.mark.parametrize(("answer", "stops"), [("y\n", 1), ("Yes\n", 1), ("n\n", 0), ("\n", 0), ("", 0)])
def test_a_person_is_asked(
    asked: FakeDaemon, run: Labctl, monkeypatch: pytest.MonkeyPatch, answer: str, stops: int
) -> None:
    monkeypatch.setattr("sys.stdin", Person(answer))
    code, _, err = run("shutdown")
    assert err.startswith("Stop labd (pid 7): 2 running jobs go on without it? [y/N] ")
    assert (code, len(asked.params("daemon.stop"))) == (1 - stops, stops)


def test_nobody_to_ask_is_a_usage_error(
    asked: FakeDaemon, run: Labctl, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("y\n"))
    assert run("shutdown").code == 2
    assert asked.params("daemon.stop") == []


@pytest.mark.parametrize(("jobs", "said"), [({}, "no job runs"), ({"running": 1}, "1 running job goes on")])
def test_a_dry_run_does_nothing(asked: FakeDaemon, run: Labctl, jobs: dict[str, Any], said: str) -> None:
    asked.on("daemon.status", {"pid": 7, "jobs": jobs})
    assert run("shutdown", "--dry-run").out.startswith(f"Would stop labd (pid 7): {said}")
    found = json.loads(run("shutdown", "--dry-run", "--json").out)
    assert found == {"version": 1, "stopping": False, "running": sum(jobs.values()), "drain": None}
    assert asked.params("daemon.stop") == []


def test_others_than_admins_are_refused(asked: FakeDaemon, run: Labctl) -> None:
    asked.on("hello", {**HELLO, "role": "submit"})
    assert run("shutdown", "--yes").code == 5
    assert asked.params("daemon.stop") == []
