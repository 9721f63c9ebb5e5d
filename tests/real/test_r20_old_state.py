"""A daemon takes up what an older release left. R20."""

import shutil
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from tests.daemon_process import PATIENCE, DaemonProcess
from tests.real.folding import differences

pytestmark = pytest.mark.real

RELEASES = sorted(Path(__file__).with_name("data").glob("state-*"))


@pytest.mark.parametrize("left", [1800.0, -1.0], ids=["soon", "later"])
@pytest.mark.parametrize("release", RELEASES, ids=lambda path: path.name)
def test_r20_the_state_of_a_released_version_is_taken_up(
    make_daemon: Callable[..., DaemonProcess], release: Path, left: float
) -> None:
    """One job has succeeded, one failed, one was running when labd and the machine died, one waits for its
    retry, which is to be in *left* seconds."""
    daemon = make_daemon()
    shutil.copytree(release, daemon.state)
    _retry_in(daemon.state, left)
    daemon.start()
    jobs = {job["name"]: job for job in daemon.call("job.list", {})["jobs"]}
    assert set(jobs) == {"good", "bad", "lost", "late"}
    assert jobs["good"]["state"] == "succeeded"
    assert (jobs["bad"]["state"], jobs["bad"]["exit_code"]) == ("failed", 3)
    assert daemon.call("job.log", {"job": "good"})["data"] == b"hello\n"
    [lost] = daemon.ended(jobs["lost"]["id"])
    assert lost["state"] == "lost"
    if left > 0:
        late = daemon.job(jobs["late"]["id"])
        assert (late["state"], late["attempt"]) == ("queued", 1)
    else:
        [late] = daemon.ended(jobs["late"]["id"])
        assert (late["state"], late["attempt"], late["exit_code"]) == ("failed", 2, 4)
    assert daemon.ended(daemon.shell("exit 0"))[0]["id"] == len(jobs) + 1
    assert differences(daemon.state) == []


def _retry_in(state: str, seconds: float) -> None:
    """Let the delay of the retry end at a time that is known, whatever today is."""
    end = time.time() + seconds
    with closing(sqlite3.connect(Path(state, "labd.db"), isolation_level=None)) as connection:
        [(job,)] = connection.execute("select id from jobs where name = 'late'")
        for table, column, where in (
            ("jobs", "record", "id = ?"),
            ("events", "data", "kind = 'job.queued' and job = ?"),
        ):
            changed = f"update {table} set {column} = json_set({column}, '$.ready_wall', ?) where {where}"
            assert connection.execute(changed, (end, job)).rowcount == 1


def test_r20_the_state_of_a_newer_release_is_refused_and_left_alone(daemon: DaemonProcess) -> None:
    daemon.ended(daemon.submit("/bin/true"))
    daemon.kill()
    database = Path(daemon.state, "labd.db")
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("pragma user_version = 999")
    before = database.read_bytes()
    assert daemon.spawn().wait(PATIENCE) == 11
    assert "labd: unusable state" in daemon.log()
    assert "999" in daemon.log()
    assert database.read_bytes() == before
