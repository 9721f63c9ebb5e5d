"""The demo's folder, its processes, its signals."""

import os
import signal
import stat
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from labd.demo import place, processes
from labd.demo.outage import last_report
from labd.demo.private import environment
from labd.demo.stop import Stopped, Stops
from labd.errors import LabdError


def test_a_folder_is_private_and_goes_with_all_that_is_in_it(tmp_path: Path) -> None:
    made = place.make([str(tmp_path)] if place.fits(str(tmp_path)) else None)
    made.write_config(2)
    os.makedirs(made.state)
    assert stat.S_IMODE(os.stat(made.folder).st_mode) == 0o700
    assert len(made.socket.encode()) <= place.LONGEST
    assert made.remove() == ""
    assert not os.path.exists(made.folder)


def test_a_folder_that_cannot_hold_a_socket_is_passed_over() -> None:
    made = place.make(["/" + "x" * 90, "/nowhere/at/all", "/tmp"])
    assert made.folder.startswith("/tmp/labd-demo-")
    made.remove()
    with pytest.raises(LabdError, match="cannot hold its socket"):
        place.make(["/" + "x" * 90, "/nowhere/\udcff"])


def test_any_folder_can_stand_in_the_configuration(tmp_path: Path) -> None:
    made = place.Place(str(tmp_path / 'a "b" \\ ü'))
    os.mkdir(made.folder)
    made.write_config(2)
    found = tomllib.loads(Path(made.config).read_text())
    assert found["daemon"]["state_dir"] == made.state
    assert found["resources"]["cores"] == 2


def test_processes_are_found_by_what_they_were_started_with_and_ended() -> None:
    mark = f"labd-demo-mark-{os.getpid()}"
    sleep = [sys.executable, "-c", "import time; print(flush=True); time.sleep(600)"]
    by_env = subprocess.Popen(sleep, env=os.environ | {"MARK": mark}, stdout=subprocess.PIPE)
    by_words = subprocess.Popen([*sleep, mark], stdout=subprocess.PIPE)
    for process in (by_env, by_words):
        assert process.stdout is not None
        process.stdout.readline()
    found = processes.find(mark)
    assert {p.pid for p in found} == {by_env.pid, by_words.pid}
    assert all(processes.lives(p) for p in found)
    assert not processes.lives(found[0]._replace(born=found[0].born - 1))
    assert processes.end(mark) == []
    assert (by_env.wait(), by_words.wait()) == (-9, -9)
    assert not any(processes.lives(p) for p in found)
    assert processes.find(mark) == []
    for process in (by_env, by_words):
        assert process.stdout is not None
        process.stdout.close()


def test_the_last_whole_report_is_read(tmp_path: Path) -> None:
    path = tmp_path / "report.ndjson"
    assert last_report(str(path)) == []
    path.write_text('{"progress": 0.1}\n{"progress": 0.2}\n{"progress": 0.')
    assert last_report(str(path)) == [{"progress": 0.2}]
    path.write_text('{"progress": 0.1}\n' + '{"progress": 0.25}\n' * 5000)
    assert last_report(str(path)) == [{"progress": 0.25}]
    path.write_text("nonsense\nnonsense\n")
    assert last_report(str(path)) == []


def test_the_daemon_gets_no_setting_of_the_caller() -> None:
    env = environment(
        {"PATH": "/bin", "LABD_SOCKET": "/x", "LABD_RESOURCES__CORES": "1", "NOTIFY_SOCKET": "/y"}
    )
    assert not {name for name in env if name.startswith("LABD_") or name == "NOTIFY_SOCKET"}
    assert env["PATH"] == "/bin"
    assert env["OMP_NUM_THREADS"] == "1"


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_the_first_signal_stops_and_later_ones_do_nothing(signum: signal.Signals) -> None:
    before = signal.getsignal(signum)
    with Stops():
        with pytest.raises(Stopped) as caught:
            signal.raise_signal(signum)
        signal.raise_signal(signum)
        signal.raise_signal(signal.SIGINT)
    assert caught.value.signum == signum
    assert signal.getsignal(signum) == before


def test_what_is_held_is_finished_first() -> None:
    made = []

    def work(stops: Stops) -> None:
        with stops.held():
            signal.raise_signal(signal.SIGTERM)
            made.append("a folder")
        made.append("never")

    with Stops() as stops, pytest.raises(Stopped):
        work(stops)
    assert made == ["a folder"]


def test_cleaning_up_is_not_interrupted() -> None:
    with Stops() as stops:
        stops.deaf()
        signal.raise_signal(signal.SIGINT)
        with stops.held():
            signal.raise_signal(signal.SIGTERM)


def test_nohup_is_respected(monkeypatch: pytest.MonkeyPatch) -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with Stops():
            signal.raise_signal(signal.SIGHUP)
    finally:
        signal.signal(signal.SIGHUP, before)
