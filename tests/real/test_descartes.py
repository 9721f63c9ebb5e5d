"""The SDK of Descartes Labs, both generations as they were published, against the Tasks of labd.

Each is in a virtual environment of its own; a variable names its interpreter (``.ci/run`` makes them).
"""

import importlib.util
import json
import os
import shutil
import socket
import subprocess
import sys
import textwrap
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.daemon_process import CLEAN, PATIENCE, DaemonProcess
from tests.real.test_hello_plugin import install
from tests.support import wait_until

SDKS = {"1.12.1": "DESCARTESLABS_1_12_1", "0.19.0": "DESCARTESLABS_0_19_0"}
SOURCE = Path(__file__).parents[2] / "plugins_contrib" / "labd-dl-jobs" / "src"

WORK = """
import time
def square(x):
    print("task", x)
    if x == 3: raise ValueError("three")
    return x * x
def note(x, path):
    with open(path, "a") as file: file.write("%d\\n" % x)
    time.sleep(0.03)
    return x
def late(x):
    time.sleep(60)
def large(x):
    held = bytearray(500 * 2**20)
    for at in range(0, len(held), 4096): held[at] = 1
    time.sleep(20)
def silent(x):
    return open("data/pkg/rows.txt").read()
"""
HEAD = """
import json, sys, warnings
warnings.simplefilter("ignore")
from descarteslabs.client.services.tasks import Tasks, as_completed
Tasks.COMPLETION_POLL_INTERVAL_SECONDS = 0.2
sys.modules[Tasks.__module__].FutureTask.COMPLETION_POLL_INTERVAL_SECONDS = 0.2
client = Tasks()
def make(function, **options):
    return client.create_function("pkg.work." + function, image="any", include_modules=["pkg"], **options)
def body(x):
    return [x, x + 1]
FACTOR = 3
def times(x):
    return x * FACTOR
"""

pytestmark = pytest.mark.real


class Place:
    """A daemon with the plugin, and a project for the SDK."""

    def __init__(self, version: str, python: str) -> None:
        self.version, self.python = version, python
        with socket.socket() as sock:
            sock.bind(("127.0.0.1", 0))
            port = sock.getsockname()[1]
        self.daemon = DaemonProcess("http.enabled=true", f"http.port={port}")
        self.configure()
        site = Path(self.daemon.folder, "site")
        points = {
            "labd.plugins": {"descartes": "labd_descartes.plugin"},
            "labd.cli": {"descartes": "labd_descartes.cli"},
        }
        install(site, "labd-descartes", "1.0", points)
        (site / "labd_descartes").symlink_to(SOURCE / "labd_descartes")
        self.daemon.env["PYTHONPATH"] = f"{site}:{os.getcwd()}"
        self.project = Path(self.daemon.folder, "project")
        (self.project / "pkg").mkdir(parents=True)
        (self.project / "pkg" / "__init__.py").touch()
        (self.project / "pkg" / "work.py").write_text(WORK)
        (self.project / "pkg" / "rows.txt").write_text("rows\n")

    def configure(self, text: str = "") -> None:
        """Nothing of a test is left in the home of whoever runs it."""
        env = f'[plugins.descartes.env]\nXDG_CACHE_HOME = "{self.daemon.folder}/cache"\n'
        self.daemon.config.write_text(text + env)

    def start(self) -> None:
        """Start the daemon, and wait for its port."""
        self.daemon.start()
        wait_until(lambda: bool(self.daemon.call("http.show")["urls"]))

    def environment(self) -> dict[str, str]:
        command = [sys.executable, "-m", "labd.cli.labctl", "descartes", "--json"]
        env = CLEAN | self.daemon.env | {"LABD_SOCKET": self.daemon.socket}
        found: dict[str, str] = json.loads(subprocess.check_output(command, env=env, timeout=PATIENCE))
        return CLEAN | found | {"HOME": self.daemon.folder, "PYTHONPATH": str(self.project)}

    def spawn(self, program: str) -> "subprocess.Popen[str]":
        """Run *program* with the SDK; it prints JSON."""
        path = self.project / "program.py"
        path.write_text(HEAD + textwrap.dedent(program))
        return subprocess.Popen(
            [self.python, str(path)], cwd=self.project, env=self.environment(), stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, text=True,
        )  # fmt: skip

    def results(self) -> list[str]:
        """What the maps have recorded."""
        maps = Path(self.daemon.state, "plugins", "fanout")
        return [path.read_text() for path in maps.glob("*/results")]

    def run(self, program: str) -> Any:
        return finished(self.spawn(program))


def finished(process: "subprocess.Popen[str]") -> Any:
    out, err = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0, err[-3000:]
    return json.loads(out.splitlines()[-1]), err


@pytest.fixture(params=SDKS)
def place(request: pytest.FixtureRequest) -> Iterator[Place]:
    python = os.environ.get(SDKS[request.param], "")
    if not python:
        pytest.skip(
            f"descarteslabs {request.param} is not there: ${SDKS[request.param]} names its interpreter"
        )
    found = Place(request.param, python)
    with found.daemon:
        yield found


def test_the_sdk_maps_waits_reads_reruns_and_terminates(place: Place) -> None:
    place.start()
    found, err = place.run("""
        squares = make("square", name="squares", maximum_concurrency=2)
        tasks = squares.map(range(250))
        squares.wait_for_completion(show_progress=True)
        first = {
            "results": [task.result for task in tasks], "log": str(tasks[5].log),
            "failed": [tasks[3].status, tasks[3].exception_name, tasks[3].failure_type],
            "trace": tasks[3].stacktrace, "shown": repr(tasks[4]),
        }
        again = client.rerun_failed_tasks(squares.group_id)
        squares.wait_for_completion()
        found = [result.id for result in client.iter_task_results(squares.group_id, status="FAILURE")]
        labelled = client.new_task(squares.group_id, arguments=[7], labels=["a", "b"]).tasks[0].id
        squares.wait_for_completion()
        by_label = [r.id for r in client.iter_task_results(squares.group_id, labels=["b"])]
        silent = make("silent", include_data=["pkg/rows.txt"])(1)
        quiet = [silent.result, str(silent.log)]
        large = make("large", memory="150Mi")(1)
        out = [large.status, large.failure_type]
        slow = make("late", task_timeout=0.5)
        late = slow(1)
        over = [late.status, late.failure_type]
        more = slow(1)
        client.terminate_group(slow.group_id)
        try:
            list(as_completed([more]))
            ended = "nothing"
        except Exception as error:
            ended = [type(error).__name__, str(error)]
        by_source = client.create_function(body, image="any", include_modules=["pkg"])(4).result
        print(json.dumps({
            "first": first, "again": len(again), "failures": found == [again[0].id],
            "by label": by_label == [labelled],
            "quiet": quiet, "oom": out, "timeout": over, "ended": ended, "by source": by_source,
            "group": client.get_group(squares.group_id).queue.successes,
        }))
        """)
    first = found.pop("first")
    assert first["results"] == [None if x == 3 else x * x for x in range(250)]
    assert first["failed"] == ["FAILURE", "ValueError", "exception"]
    assert "task 5" in first["log"]
    assert first["trace"].endswith("ValueError: three\n")
    assert "Status: SUCCESS" in first["shown"]
    assert "Done with " in err
    assert found == {
        "again": 1, "failures": True, "by label": True, "quiet": ["rows\n", "b'\\n'"],
        "oom": ["FAILURE", "oom"], "timeout": ["FAILURE", "timeout"], "by source": [4, 5], "group": 250,
        "ended": ["GroupTerminalException", "Group no longer running tasks. Group status: terminated."],
    }  # fmt: skip


def test_a_group_goes_on_over_a_kill_of_the_daemon_and_so_does_who_waits(place: Place) -> None:
    """The older SDK tries again by https only: there a new process finds the group, and its results."""
    place.start()
    effects = place.project / "effects"
    process = place.spawn(f"""
        notes = make("note", maximum_concurrency=2)
        tasks = notes.map(range(200), [{str(effects)!r}] * 200)
        print("all are submitted", flush=True)
        notes.wait_for_completion()
        print(json.dumps([task.result for task in tasks]))
        """)
    assert process.stdout is not None
    assert process.stdout.readline() == "all are submitted\n"
    wait_until(lambda: effects.exists() and len(effects.read_text().split()) > 10)
    place.daemon.kill()
    place.start()
    if place.version == "0.19.0":
        process.kill()
        process.communicate()
    else:
        assert finished(process)[0] == [*range(200)]
    found, _ = place.run("""
        group = client.list_groups().groups[0].id
        client.wait_for_completion(group)
        ids = [result.id for result in client.iter_task_results(group)]
        from descarteslabs.client.services.storage import Storage
        print(json.dumps([int(Storage().get(key, storage_type="result")) for key in ids[::20]] + [len(ids)]))
        """)
    assert found == [*range(0, 200, 20), 200]
    ran = Counter(int(line) for line in effects.read_text().split())
    assert set(ran) == set(range(200))
    attempts = [json.loads(line)["attempt"] for text in place.results() for line in text.splitlines()]
    assert sum(ran.values()) <= sum(attempts)


def test_a_pickled_function_runs_in_a_sandbox_only_where_an_admin_says_so(place: Place) -> None:
    place.start()
    program = """
        try:
            task = client.create_function(times, image="any")(4)
            found = [task.result, task.failure_type]
        except Exception as error:
            found = str(error)
        print(json.dumps(found))
        """
    refused, _ = place.run(program)
    assert "to unpickle is to run what somebody sent" in refused
    if shutil.which("bwrap") is None or importlib.util.find_spec("cloudpickle") is None:
        pytest.skip("bubblewrap or cloudpickle is not there")
    place.configure('[plugins.descartes]\npickles = "isolated"\n')
    place.daemon.restart()
    wait_until(lambda: bool(place.daemon.call("http.show")["urls"]))
    found, _ = place.run(program)
    version = "import sys; print(*sys.version_info[:2])"
    theirs = subprocess.run([place.python, "-c", version], capture_output=True, text=True, check=True)
    same = theirs.stdout.split() == [str(part) for part in sys.version_info[:2]]
    assert found == ([12, None] if same else [None, "py_version_mismatch"])
