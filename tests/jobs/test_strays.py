"""What a killed shim leaves is found by its token, and nothing else is touched."""

import os
import signal
import subprocess
import uuid
from pathlib import Path

import pytest

from labd.errors import DeadlineExceeded, UsageError
from labd.jobs import attempts, strays
from tests.jobs.shim.support import Attempt, living, running_zygote, shell
from tests.support import wait_until

pytestmark = pytest.mark.real


def test_r8_all_that_a_lost_shim_leaves_is_killed(tmp_path: Path) -> None:
    text = "for i in 1 2 3; do (trap '' TERM; setsid sleep 600) & done; echo ready; wait"
    with running_zygote() as zygote:
        attempt = Attempt(zygote, attempts.folder(str(tmp_path), 1, 1), shell(text))
        attempt.until_logged("ready")
        wait_until(lambda: len(attempt.processes()) >= 4)
        os.kill(attempt.pid, signal.SIGKILL)
        wait_until(attempt.released)
    assert attempts.inspect(attempt.folder).kind == "lost"
    left = attempt.processes()
    assert strays.end(attempt.token) >= 3
    assert attempt.processes() == []
    assert not any(map(living, left))


def test_a_token_that_only_resembles_is_left_alone() -> None:
    token = uuid.uuid4().hex
    others = f"LABD_TOKEN={token}x", f"LABD_TOKEN={token[:-1]}", f"MY_LABD_TOKEN={token}", f"A={token}"
    processes = [subprocess.Popen(["/usr/bin/env", "-i", other, "sleep", "600"]) for other in others]
    assert strays.end(token) == 0
    assert [process.poll() for process in processes] == [None] * 4
    for process in processes:
        process.kill()
        process.wait()


def test_nothing_to_end_is_zero() -> None:
    assert strays.end(uuid.uuid4().hex) == 0


@pytest.mark.parametrize("token", ["", "short"])
def test_a_token_that_is_none_is_refused(token: str) -> None:
    with pytest.raises(UsageError, match="shorter"):
        strays.end(token)


def test_what_cannot_be_ended_is_named_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    token = uuid.uuid4().hex
    with subprocess.Popen(["/bin/sleep", "600"], env={"LABD_TOKEN": token}) as process:
        monkeypatch.setattr(strays.procs, "deliver", lambda *_: None)
        with pytest.raises(DeadlineExceeded, match=f"processes {process.pid} of a lost job"):
            strays.end(token, timeout=0.2)
        process.kill()
