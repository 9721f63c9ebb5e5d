"""Jobs under real shims, with no daemon anywhere."""

import json
import os
import shutil
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from labd.jobs import attempts, strays
from labd.jobs.shim import marks
from labd.jobs.shim.spawn import Zygote
from labd.process import kernel
from tests.jobs.shim.support import Attempt, answer, ask, living, order, python, running_zygote, shell
from tests.support import wait_until

pytestmark = pytest.mark.real
Begin = Callable[[dict[str, Any]], Attempt]


def test_a_normal_exit_is_recorded_with_figures(begin: Begin) -> None:
    attempt = begin(shell("echo out; echo err >&2; exit 3"))
    end = attempt.until_over()
    assert (end["version"], end["exit_code"], end["signal"], end["reason"]) == (1, 3, None, "exited")
    assert end["message"] == ""
    assert end["started"] <= end["ended"] <= time.time()
    assert 0 <= end["seconds"] < 60
    assert end["max_rss"] > 100_000
    assert end["user_seconds"] >= 0
    assert end["system_seconds"] >= 0
    assert end["boot_id"] == marks.boot_id()
    assert attempt.log() == "out\nerr\n"
    started = attempts.inspect(attempt.folder).started
    assert started is not None
    assert (started["version"], started["pid"], started["boot_id"]) == (1, attempt.pid, end["boot_id"])
    assert started["boottime"] <= kernel.boottime()


def test_a_death_by_signal_is_recorded(begin: Begin) -> None:
    end = begin(shell("kill -SEGV $$")).until_over()
    assert (end["exit_code"], end["signal"], end["reason"]) == (None, signal.SIGSEGV, "exited")


@pytest.mark.parametrize(
    ("changes", "code", "words"),
    [
        ({"argv": ["/no/such/program"]}, 127, "cannot run /no/such/program: No such file"),
        ({"argv": ["no-such-program"]}, 127, "cannot run no-such-program: No such file"),
        ({"argv": ["/etc/passwd"]}, 126, "cannot run /etc/passwd: Permission denied"),
        ({"cwd": "/no/such/folder"}, 127, "cannot enter the working directory /no/such/folder"),
        ({"cwd": "/etc/passwd"}, 127, "directory /etc/passwd: Not a directory"),
        ({"argv": []}, 126, "the order names no program"),
        ({"argv": ["a\0b"]}, 126, "Invalid argument"),
        ({"grace": "soon"}, 126, "could not convert string to float"),
    ],
)
def test_what_cannot_be_run_is_named(begin: Begin, changes: dict[str, Any], code: int, words: str) -> None:
    attempt = begin(order("true") | changes)
    end = attempt.until_over()
    assert (end["reason"], end["exit_code"], end["signal"]) == ("exec_failed", code, None)
    assert words in end["message"]
    assert attempt.log() == f"labd: {end['message']}\n"


def test_a_damaged_order_is_a_failure_not_a_loop(zygote: Zygote, tmp_path: Path) -> None:
    folder = attempts.folder(str(tmp_path), 1, 1)
    lock = attempts.prepare(folder, order("true"))
    Path(folder, marks.ORDER).write_text("{")
    ask(zygote, folder, lock)
    answer(zygote)
    wait_until(lambda: attempts.inspect(folder).kind == "exited")
    assert (attempts.inspect(folder).exit or {})["reason"] == "exec_failed"


def test_the_job_gets_a_clean_start(begin: Begin) -> None:
    text = """if 1:
        import os, resource, signal, sys
        ignored = [n for n in signal.valid_signals() if signal.getsignal(n) == signal.SIG_IGN]
        print(os.getsid(0) == os.getpid(), signal.pthread_sigmask(signal.SIG_BLOCK, ()), oct(os.umask(0)))
        print(sorted(os.listdir('/proc/self/fd')), os.getcwd(), os.readlink('/proc/self/fd/0'))
        print(open('/proc/self/status').read().split('SigIgn:')[1].split()[0], sorted(os.environ))
    """
    attempt = begin(python(text, cwd="/tmp", env={"ONLY": "this"}))
    assert attempt.until_over()["exit_code"] == 0
    first, second, third = attempt.log().splitlines()
    assert first == "True set() 0o22"
    assert second == "['0', '1', '2', '3'] /tmp /dev/null"  # 3 is listdir's own
    ignored, _, names = third.partition(" ")
    python_ignores = 1 << (signal.SIGPIPE - 1) | 1 << (signal.SIGXFSZ - 1)
    glibc_ignores = 1 << (32 - 1) | 1 << (33 - 1)  # its own signals, in what posix_spawn starts
    assert int(ignored, 16) & ~python_ignores & ~glibc_ignores == 0
    assert "ONLY" in names
    assert "PATH" not in names


def test_a_script_is_run_by_its_interpreter_or_by_the_shell(begin: Begin) -> None:
    own = begin(order("a", "b", script=f"#!{sys.executable}\nimport sys; print(sys.argv[1:])\n"))
    plain = begin(order("a", "b", script="echo $0 $# $2\n"))
    assert (own.until_over()["exit_code"], own.log()) == (0, "['a', 'b']\n")
    assert (plain.until_over()["exit_code"], plain.log()) == (0, f"{plain.folder}/script 2 b\n")


def test_bytes_that_are_no_utf8_pass_through(begin: Begin) -> None:
    attempt = begin(order("printf", "%s", os.fsdecode(b"\xff\xfe")))
    attempt.until_over()
    assert Path(attempt.folder, marks.LOG).read_bytes() == b"\xff\xfe"


@pytest.mark.skipif(os.getuid() != 0, reason="only root can become somebody else")
def test_a_root_daemon_runs_the_job_as_its_user(begin: Begin, tmp_path: Path) -> None:
    for folder in (tmp_path, *tmp_path.parents[:2]):
        folder.chmod(0o755)
    user = {"uid": 65534, "gid": 65534, "groups": [65533]}
    attempt = begin(order(script="id -u; id -G; echo '{}' >> ${0%/*}/report.ndjson", user=user))
    report = Path(attempt.folder, marks.REPORT)
    attempt.until_over()
    assert attempt.log() == "65534\n65534 65533\n"
    assert report.read_text() == "{}\n"
    assert stat.S_IMODE(os.stat(attempt.folder).st_mode) == 0o711


NASTY = """if 1:
    import os, signal, sys, time
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    def branch(depth):
        for way in range(2):
            if os.fork() == 0:
                if way:
                    os.setsid()
                if os.fork():
                    os._exit(0)
                if depth:
                    branch(depth - 1)
                time.sleep(600)
    branch(2)
    print("grown", flush=True)
    time.sleep(600)
"""


def test_r10_cancel_ends_a_nasty_tree_within_grace_and_two_seconds(begin: Begin) -> None:
    attempt = begin(python(NASTY))
    attempt.until_logged("grown")
    wait_until(lambda: len(attempt.processes()) >= 7)
    asked = time.monotonic()
    assert attempts.cancel(attempt.folder, 1.0)
    end = attempt.until_over()
    assert time.monotonic() - asked < 1.0 + 2.0 + 7.0  # seven more for a busy machine
    assert (end["reason"], end["signal"]) == ("cancelled", signal.SIGKILL)
    assert attempt.processes() == []


def test_a_job_that_hears_term_may_say_its_own_exit_code(begin: Begin) -> None:
    attempt = begin(shell("trap 'exit 7' TERM; echo ready; while :; do sleep 0.05; done", grace=60.0))
    attempt.until_logged("ready")
    assert attempts.cancel(attempt.folder, 60.0)
    end = attempt.until_over()
    assert (end["reason"], end["exit_code"], end["signal"]) == ("cancelled", 7, None)


def test_nobody_hears_term_twice_though_it_is_said_again_for_newcomers(begin: Begin) -> None:
    count = "n=0; trap 'n=$((n+1))' TERM; echo ready"
    attempt = begin(shell(f"{count}; for i in $(seq 40); do sleep 0.02; done; exit $n", grace=60.0))
    attempt.until_logged("ready")
    attempts.cancel(attempt.folder, 60.0)
    assert attempt.until_over()["exit_code"] == 1


def test_a_stopped_job_hears_term(begin: Begin) -> None:
    attempt = begin(shell("trap 'exit 7' TERM; echo ready; while :; do sleep 0.05; done"))
    attempt.until_logged("ready")
    assert attempts.send_signal(attempt.folder, signal.SIGSTOP)
    attempts.cancel(attempt.folder, 60.0)
    assert attempt.until_over()["exit_code"] == 7


def test_cancel_is_heard_from_the_moment_of_the_reply(begin: Begin) -> None:
    attempt = begin(order("sleep", "600"))
    assert attempts.cancel(attempt.folder, 60.0)
    assert attempt.until_over()["reason"] == "cancelled"


def test_the_time_limit_ends_the_tree(begin: Begin) -> None:
    attempt = begin(shell("sleep 600 & setsid sleep 600 & wait", time_limit=0.3))
    end = attempt.until_over()
    assert (end["reason"], end["signal"]) == ("timed_out", signal.SIGTERM)
    assert end["seconds"] >= 0.3
    assert attempt.processes() == []


def test_a_job_ends_with_its_main_process_and_takes_the_rest_along(begin: Begin) -> None:
    attempt = begin(shell("(trap '' TERM; sleep 600) & setsid sleep 600 & exit 4", grace=0.2))
    end = attempt.until_over()
    assert (end["reason"], end["exit_code"]) == ("exited", 4)
    assert attempt.processes() == []


def test_signals_reach_the_main_process_or_the_tree(begin: Begin) -> None:
    # the sleep would die of SIGUSR1; only the main process gets it
    attempt = begin(shell("trap 'echo usr1' USR1; sleep 600 & echo $!; wait; kill -0 $! && echo alive; wait"))
    child = int(attempt.until_logged("\n").split()[0])
    assert attempts.send_signal(attempt.folder, signal.SIGUSR1)
    attempt.until_logged("usr1\nalive")
    assert attempts.send_signal(attempt.folder, signal.SIGTERM)
    assert attempt.until_over()["signal"] == signal.SIGTERM
    assert not living(child)


def test_a_command_of_another_release_is_passed_over(begin: Begin) -> None:
    attempt = begin(order("sleep", "600"))
    for line in ("dance 3", "cancel", "cancel now", "signal 9999", "\xff"):
        attempts._command(attempt.folder, line)
    attempt.until_logged("unknown command b'signal 9999'")
    assert attempts.cancel(attempt.folder, 0.0)
    assert attempt.until_over()["reason"] == "cancelled"


def test_r6_a_job_that_ends_with_nobody_watching_has_its_own_end_time(tmp_path: Path) -> None:
    with running_zygote() as zygote:
        what = shell("sleep 0.2; date +%s.%N; exit 3")
        attempt = Attempt(zygote, attempts.folder(str(tmp_path), 1, 1), what)
    end = attempt.until_over()
    assert end["exit_code"] == 3
    assert -0.01 < end["ended"] - float(attempt.log()) < 10.0
    assert 0.2 <= end["seconds"] < 30.0
    assert abs((end["ended"] - end["started"]) - end["seconds"]) < 1.0


def test_r7_output_flows_with_nobody_watching(tmp_path: Path) -> None:
    size = 200_000_000
    with running_zygote() as zygote:
        attempt = Attempt(zygote, attempts.folder(str(tmp_path), 1, 1), shell(f"head -c {size} /dev/zero"))
    assert attempt.until_over()["exit_code"] == 0
    assert os.path.getsize(f"{attempt.folder}/out.log") == size


def test_r8_a_killed_shim_is_lost_and_what_it_leaves_behind_is_ended_by_its_token(begin: Begin) -> None:
    attempt = begin(shell("echo $$; sleep 600"))
    main = int(attempt.until_logged("\n"))
    os.kill(attempt.pid, signal.SIGKILL)
    wait_until(attempt.released)
    found = attempts.inspect(attempt.folder)
    assert (found.kind, found.exit, found.why) == ("lost", None, "its shim was killed")
    assert strays.end(attempt.token) >= 1
    wait_until(lambda: not living(main))


def test_only_sigkill_ends_a_shim_early(begin: Begin) -> None:
    attempt = begin(order("sleep", "600"))
    wait_until(lambda: attempts.inspect(attempt.folder).started)
    for signum in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        os.kill(attempt.pid, signum)
    attempts.cancel(attempt.folder, 60.0)
    assert attempt.until_over()["reason"] == "cancelled"


def test_shims_are_known_by_name_and_reaped(begin: Begin, zygote: Zygote) -> None:
    attempt = begin(order("sleep", "600"))
    assert Path(f"/proc/{zygote.pid}/comm").read_text() == "labd-zygote\n"
    wait_until(lambda: Path(f"/proc/{attempt.pid}/comm").read_text() == "labd-shim\n")
    attempts.cancel(attempt.folder, 0.0)
    attempt.until_over()
    wait_until(lambda: not os.path.exists(f"/proc/{attempt.pid}"))


def _open_in(pid: int) -> list[str]:
    folder = f"/proc/{pid}/fd"
    return [os.readlink(f"{folder}/{fd}") for fd in os.listdir(folder)]


def test_a_shim_keeps_nothing_open_but_its_own(begin: Begin) -> None:
    attempt = begin(order("sleep", "600"))
    wait_until(attempt.processes)
    names = _open_in(attempt.pid)
    assert not [name for name in names if name.startswith("socket:")]
    assert sorted(os.path.basename(name) for name in names if name.startswith(attempt.folder)) == [
        "ctl",
        "lock",
        "out.log",
        "out.log",
    ]


@pytest.fixture
def small_disk(tmp_path: Path) -> Any:
    mount = tmp_path / "small"
    mount.mkdir()
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=4m", "none", str(mount)], check=False, capture_output=True
    )
    if done.returncode:
        pytest.skip("no permission to mount a file system")
    yield mount
    subprocess.run(["umount", "-l", str(mount)], check=True)


def _fill_up(disk: Path) -> Path:
    ballast = disk / "ballast"
    free = os.statvfs(disk)
    with ballast.open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, free.f_bavail * free.f_bsize)
    assert os.statvfs(disk).f_bavail == 0
    return ballast


def test_r17_the_exit_record_needs_no_new_space(zygote: Zygote, small_disk: Path) -> None:
    flag = small_disk / "go"
    os.mkfifo(flag)
    job = shell(f"read x < {flag}; echo no room for this; exit 5")
    attempt = Attempt(zygote, attempts.folder(str(small_disk), 1, 1), job)
    wait_until(attempt.processes)
    _fill_up(small_disk)
    flag.write_text("go\n")
    assert attempt.until_over()["exit_code"] == 5


def test_r17_a_job_whose_start_cannot_be_recorded_never_begins(zygote: Zygote, small_disk: Path) -> None:
    folder = attempts.folder(str(small_disk), 1, 1)
    lock = attempts.prepare(folder, shell(f"touch {small_disk}/ran"))
    ballast = _fill_up(small_disk)
    ask(zygote, folder, lock)
    answer(zygote)
    wait_until(lambda: attempts.inspect(folder).kind == "never")
    ballast.unlink()
    assert not (small_disk / "ran").exists()


def test_an_exit_code_waits_for_a_disk_that_heals(begin: Begin) -> None:
    attempt = begin(shell("echo ready; exec sleep 600"))
    attempt.until_logged("ready")
    os.unlink(f"{attempt.folder}/.exit")
    os.mkdir(f"{attempt.folder}/.exit")  # writing the record fails as long as this is in the way
    attempts.cancel(attempt.folder, 60.0)
    wait_until(lambda: not attempt.processes())
    assert attempts.inspect(attempt.folder).kind == "alive"
    os.rmdir(f"{attempt.folder}/.exit")
    assert attempt.until_over()["reason"] == "cancelled"


def test_a_shim_whose_folder_was_removed_goes(begin: Begin) -> None:
    attempt = begin(shell("echo ready; exec sleep 600"))
    attempt.until_logged("ready")
    (pid,) = attempt.processes()
    shutil.rmtree(attempt.folder)
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: not living(attempt.pid))


def test_the_zygote_refuses_what_it_cannot_do(zygote: Zygote, tmp_path: Path) -> None:
    lock = os.open(tmp_path / "lock", os.O_CREAT | os.O_RDWR)
    ask(zygote, "/no/such/folder", lock)
    assert "No such file" in answer(zygote)["error"]
    for packet in (b"{", b"[]", b"{}", json.dumps({"dir": str(tmp_path)}).encode()):
        zygote.socket.send(packet)
        assert answer(zygote)["error"]


def test_r4_an_attempt_cannot_be_launched_twice(zygote: Zygote, tmp_path: Path) -> None:
    attempt = Attempt(zygote, attempts.folder(str(tmp_path), 1, 1), order("true"))
    ask(zygote, attempt.folder, os.open(tmp_path / "lock", os.O_CREAT | os.O_RDWR))
    assert "File exists" in answer(zygote)["error"]
    attempt.until_over()


def test_the_zygote_serves_its_queue_before_it_goes(tmp_path: Path) -> None:
    marker = tmp_path / "ran"
    with running_zygote() as zygote:
        os.kill(zygote.pid, signal.SIGSTOP)
        for job in range(5):
            folder = attempts.folder(str(tmp_path), job, 1)
            ask(zygote, folder, attempts.prepare(folder, shell(f"echo {job} >> {marker}")))
        zygote.socket.shutdown(socket.SHUT_RDWR)
        os.kill(zygote.pid, signal.SIGCONT)
    folders = [attempts.folder(str(tmp_path), job, 1) for job in range(5)]
    wait_until(lambda: all(attempts.inspect(folder).kind == "exited" for folder in folders))
    assert sorted(marker.read_text().split()) == list("01234")


def test_the_zygote_ignores_what_the_terminal_sends(zygote: Zygote, begin: Begin) -> None:
    wait_until(lambda: Path(f"/proc/{zygote.pid}/comm").read_text() == "labd-zygote\n")
    for signum in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        os.kill(zygote.pid, signum)
    assert begin(order("true")).until_over()["exit_code"] == 0


def test_the_zygote_imports_little_and_inherits_no_descriptor() -> None:
    with socket.socket(socket.AF_UNIX) as listening:
        listening.set_inheritable(True)
        with running_zygote() as zygote:
            wait_until(lambda: Path(f"/proc/{zygote.pid}/comm").read_text() == "labd-zygote\n")
            names = _open_in(zygote.pid)
    assert len([name for name in names if name.startswith("socket:")]) == 1
    code = "import sys; sys.path.append(sys.argv[1]); import labd.jobs.shim.zygote; print(*sys.modules)"
    root = str(Path(marks.__file__).parents[3])
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", code, root], check=True, capture_output=True, text=True
    )
    modules = set(done.stdout.split())
    assert {name for name in modules if name.startswith("labd")} - {"labd", "labd.jobs"} == {
        name for name in modules if name.startswith(("labd.jobs.shim", "labd.process"))
    }
    assert not modules & {"typing", "subprocess", "logging", "threading", "trio", "msgspec", "inspect"}
