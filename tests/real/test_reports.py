"""What real jobs report: results, curves, the time that is left; and the screens that show it."""

import json
import os
import shutil
import subprocess
import sys

import pytest

from labd.errors import NotFound
from tests.daemon_process import CLEAN, PATIENCE, DaemonProcess
from tests.support import wait_until

pytestmark = pytest.mark.real

TRAIN = """
import labd, os, time
for i in range(200):
    labd.report((i + 1) / 200, {"loss": 1 / (i + 1)}, step=10 * i, bad=float("nan"))
open("model.pt", "w").write("12345")
labd.report(artifact={"model": "model.pt"})
"""

HALF = """
import labd, time
began = time.time() - 100
for i in range(11):
    now = began + 10 * i
    time.time = lambda: now
    labd.report(i / 20)
time.sleep(1000)
"""


def python(daemon: DaemonProcess, text: str) -> int:
    spec = {"cwd": daemon.folder, "env": {"PYTHONPATH": os.getcwd()}}
    return daemon.submit(sys.executable, "-c", text, **spec)


def test_curves_and_results_of_an_ended_job(daemon):
    job = python(daemon, TRAIN)
    assert daemon.ended(job)[0]["state"] == "succeeded"
    found = daemon.call("job.metrics", {"job": job, "points": 50})
    loss = found["series"]["loss"]
    assert (found["attempt"], found["names"]) == (1, ["loss", "bad"])
    assert (loss["count"], loss["values"][0], loss["steps"][-1]) == (200, 1.0, 1990.0)
    assert len(loss["values"]) <= 50
    assert found["series"]["bad"]["not_finite"] == 200
    shown = daemon.call("job.show", {"job": job})
    assert shown["artifacts"] == [{"name": "model", "path": f"{daemon.folder}/model.pt", "size": 5}]
    assert shown["job"]["eta"] is None
    assert f"model       5B  {daemon.folder}/model.pt" in daemon.labctl("show", str(job)).stdout
    with pytest.raises(NotFound):
        daemon.call("job.metrics", {"job": job, "attempt": 2})


def test_each_attempt_keeps_its_curves(daemon):
    job = daemon.shell('echo "{\\"metrics\\": {\\"n\\": $LABD_ATTEMPT}}" >> "$LABD_REPORT"; false', retries=1)
    daemon.ended(job)
    for attempt in (1, 2):
        found = daemon.call("job.metrics", {"job": job, "attempt": attempt})
        assert found["series"]["n"]["values"] == [attempt]
    out = daemon.labctl("plot", str(job), "--attempt", "all", "--json").stdout
    assert [run["attempt"] for run in json.loads(out)["runs"]] == [1, 2]


def test_the_time_that_is_left_is_the_same_after_a_restart(daemon):
    job = python(daemon, HALF)
    wait_until(lambda: daemon.job(job)["progress"] == 0.5, PATIENCE)
    before = daemon.job(job)["eta"]
    assert 80 < before <= 100
    daemon.restart()
    wait_until(lambda: daemon.job(job)["progress"] == 0.5, PATIENCE)
    assert 60 < daemon.job(job)["eta"] <= before
    assert "about" in daemon.labctl("show", str(job)).stdout
    assert "ETA" in daemon.labctl("status").stdout
    daemon.call("job.pause", {"job": job})
    assert daemon.job(job)["eta"] is None


def test_lines_that_are_no_reports_hurt_nothing(daemon):
    nonsense = (
        "head -c 300000 /dev/urandom; echo; yes '[[[[[' | head -c 200000; echo; printf '{\"progress\": 0.5'"
    )
    job = daemon.shell(
        f"({nonsense}) >> $LABD_REPORT; printf '}}\\n{{\"progress\": 0.7}}\\n' >> $LABD_REPORT; sleep 1000"
    )
    wait_until(lambda: daemon.job(job)["progress"] == 0.7, PATIENCE)
    assert daemon.call("job.metrics", {"job": job})["series"] == {}


def test_plot_writes_a_picture(daemon):
    job = python(daemon, TRAIN)
    daemon.ended(job)
    path = f"{daemon.folder}/loss.svg"
    assert daemon.labctl("plot", str(job), "loss", "-o", path).returncode == 0
    with open(path) as file:
        assert file.read().startswith("<svg ")


class Tmux:
    """labctl in a terminal that somebody looks at."""

    def __init__(self, daemon: DaemonProcess, *words: str) -> None:
        if shutil.which("tmux") is None:
            pytest.skip("needs tmux (Debian: tmux)")
        self._socket = f"{daemon.folder}/tmux"
        env = CLEAN | {"LABD_SOCKET": daemon.socket, "LC_ALL": "C.UTF-8", "LABD_TEST_FOLDER": daemon.folder}
        command = [sys.executable, "-m", "labd.cli.labctl", *words]
        size = ["-x", "80", "-y", "24"]
        self._tmux("-f", "/dev/null", "new-session", "-d", *size, "-s", "t", *command, env=env)

    def _tmux(self, *words: str, env: dict[str, str] = CLEAN) -> str:
        done = subprocess.run(
            ["tmux", "-S", self._socket, *words], env=env, capture_output=True, text=True, timeout=PATIENCE,
            check=False,
        )  # fmt: skip
        return done.stdout

    def press(self, key: str) -> None:
        self._tmux("send-keys", "-t", "t", key)

    def until(self, *texts: str) -> str:
        """The screen, once all *texts* are on it."""
        seen: list[str] = []

        def shows() -> bool:
            seen.append(self._tmux("capture-pane", "-p", "-t", "t"))
            return all(text in seen[-1] for text in texts)

        try:
            wait_until(shows, PATIENCE, every=0.1)
        except AssertionError:
            raise AssertionError(f"{texts} not on the screen:\n{seen[-1]}") from None
        return seen[-1]

    def gone(self) -> None:
        wait_until(lambda: not self._tmux("list-sessions"), PATIENCE, every=0.1)


def test_top_shows_what_happens_and_leaves_at_q(make_daemon):
    daemon = make_daemon("resources.gpus=[0,1]", cores=2).start()
    said = '{"progress": 0.25, "metrics": {"loss": 0.5}}'
    script = f"echo '{said}' >> $LABD_REPORT; sleep 1000"
    running = daemon.shell(script, cpus=2, gpus=1, name="train")
    daemon.submit("true", cpus=1, name="later")
    screen = Tmux(daemon, "top")
    shown = screen.until("Cores 2/2", "GPU 0 job 1   GPU 1 free", "██░░░░░░░░  25%", "loss 0.5", "1 core")
    assert max(map(len, shown.splitlines())) <= 80
    with open(daemon.attempt(running) / "report.ndjson", "a") as file:
        file.write('{"progress": 0.75}\n')
    screen.until("███████░░░  75%")
    daemon.call("job.cancel", {"job": running})
    screen.until("Nothing runs.")
    screen.press("q")
    screen.gone()


def test_a_curve_is_followed_to_the_end_of_its_job(daemon):
    report = 'for i in 1 2 3; do echo "{\\"metrics\\": {\\"loss\\": $i}}" >> $LABD_REPORT; done'
    job = daemon.shell(f"{report}; until test -e go; do sleep 0.1; done", cwd=daemon.folder)
    screen = Tmux(daemon, "plot", str(job), "loss", "--follow")
    screen.until("loss", "3.0 ┤")
    with open(daemon.attempt(job) / "report.ndjson", "a") as file:
        file.write('{"metrics": {"loss": 1000}}\n')
    screen.until("1000 ┤")
    with open(f"{daemon.folder}/go", "w"):
        pass
    screen.gone()


def test_status_can_be_watched(daemon):
    screen = Tmux(daemon, "status", "--watch")
    screen.until("No jobs.")
    daemon.submit("sleep", "1000", name="a-new-one")
    screen.until("a-new-one")
    screen.press("C-c")
    screen.gone()
