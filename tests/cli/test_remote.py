"""Which machine is asked, and what is said of one that cannot be."""

import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from labd.cli import stdio
from labd.cli.far import USUAL, Far, far
from labd.cli.remote_faults import explained
from labd.errors import UsageError
from tests.cli.conftest import Labctl
from tests.cli.fake import FakeDaemon, job


@pytest.mark.parametrize(
    ("given", "environ", "found"),
    [
        ({}, {}, None),
        ({}, {"LABD_HOST": "gpu1"}, Far("gpu1")),
        ({"host": "gpu2"}, {"LABD_HOST": "gpu1"}, Far("gpu2")),
        ({"host": ""}, {"LABD_HOST": "gpu1"}, None),
        ({"host": "a", "socket": "/s"}, {"LABD_SOCKET": "/here"}, Far("a", socket="/s")),
        ({"host": "a", "ssh": "ssh -p 22"}, {"LABD_SSH": "no"}, Far("a", ("ssh", "-p", "22"))),
        ({"host": "a"}, {"LABD_SSH": "x 'y z'", "LABD_REMOTE_LABCTL": "~/l"}, Far("a", ("x", "y z"), "~/l")),
    ],
)
def test_options_win_over_the_environment(
    given: dict[str, str], environ: dict[str, str], found: Far | None
) -> None:
    assert far(given, environ) == found


@pytest.mark.parametrize("host", ["-oProxyCommand=rm", "a b", "a\nb"])
def test_what_ssh_would_take_for_an_option_is_no_host(host: str) -> None:
    with pytest.raises(UsageError, match="is no host"):
        far({"host": host}, {})


def test_an_open_quotation_in_the_command_of_ssh() -> None:
    with pytest.raises(UsageError, match="--ssh ssh '"):
        far({"host": "a", "ssh": "ssh '"}, {})


def test_the_words_travel_through_the_shell_there() -> None:
    told = Far("gpu1", labctl="~/bin/labctl", socket="/a b").command("--stdio")
    assert told == [*USUAL, "gpu1", "~/bin/labctl --socket '/a b' --stdio"]


@pytest.mark.parametrize(
    ("code", "said", "message", "step"),
    [
        (255, "ssh: Could not resolve hostname g: Name or service not known", "knows no such host", "config"),
        (255, "x\nroot@g: Permission denied (publickey).\r\n", "login was refused (root@g", "ssh-copy-id g"),
        (255, "Host key verification failed.", "the key of the host is not known", "`ssh g` once"),
        (255, "ssh: connect to host g port 22: Connection refused", "no ssh answers there", "sshd"),
        (255, "ssh: connect to host g port 22: Connection timed out", "it does not answer", "is it on"),
        (255, "kex_exchange_identification: closed", "ssh failed (kex_exchange", "see what `ssh g` says"),
        (127, "bash: line 1: labctl: command not found", "no labctl there (bash", "--remote-labctl"),
        (126, "sh: 1: /x: Permission denied", "labctl cannot be run there (sh", "--remote-labctl"),
        (3, "labctl: cannot reach labd: no labd answers at /s\n  hint: start it", "g: no labd answers at /s",
         "start it there"),
        (2, "labctl: wrong argument: there is no option --stdio\n hint: x", "no option", "--version"),
        (0, "", "g: the connection ended at once (exit code 0)", "doctor"),
    ],
)  # fmt: skip
def test_what_ended_the_connection_is_explained(code: int, said: str, message: str, step: str) -> None:
    error = explained("g", code, said)
    assert message in error.message
    assert step in error.hint


@pytest.fixture
def by_shell(daemon: FakeDaemon, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeDaemon:
    """The way to the other machine is a shell of this one."""
    ssh = tmp_path / "ssh"
    ssh.write_text('#!/bin/sh\necho "warning: something" >&2\nshift\nexec sh -c "$*"\n')
    ssh.chmod(0o755)
    monkeypatch.setenv("LABD_SSH", str(ssh))
    monkeypatch.setenv("LABD_REMOTE_LABCTL", f"{sys.executable} -m labd.cli.labctl")
    return daemon


@pytest.mark.real
def test_a_command_goes_through_ssh_and_its_talk_is_not_shown(by_shell: FakeDaemon, run: Labctl) -> None:
    by_shell.on("job.show", {"job": job(12), "attempts": []})
    assert run("-H", "gpu1", "show", "12", "-q") == (0, "12\n", "")
    assert run("show", "12", "-q", "--host", "gpu1") == (0, "12\n", "")


@pytest.mark.real
def test_completion_asks_there(by_shell: FakeDaemon, run: Labctl) -> None:
    by_shell.on("job.list", {"jobs": [job(12)]})
    assert run("-H", "gpu1", "--timeout", "60", "__complete", "jobs").out.split() == ["last", "12", "train"]


@pytest.mark.real
def test_a_job_for_elsewhere_is_not_looked_for_here(
    by_shell: FakeDaemon, run: Labctl, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ONLY_HERE", "1")
    (tmp_path / "train.sh").write_text("#LABD --cpus 7\n")
    by_shell.on("job.submit", {"job": job(12), "created": True})
    code, out, err = run("-H", "gpu1", "submit", "--cwd", "project", "train.sh")
    assert (code, out) == (0, "Submitted job 12 (train).\n")
    assert err == "labctl: note: train.sh is looked for on gpu1; --script ships the one from here\n"
    [sent] = by_shell.params("job.submit")
    assert sent["spec"]["argv"] == ["train.sh"]
    assert sent["spec"]["cwd"] == sent["spec"]["env"]["PWD"] == f"{tmp_path}/project"
    assert "cpus" not in sent["spec"]


def test_a_host_is_no_matter_of_a_script(daemon: FakeDaemon, run: Labctl, tmp_path: Path) -> None:
    (tmp_path / "x.sh").write_text("#LABD -H gpu1\n")
    code, _, err = run("submit", "--script", str(tmp_path / "x.sh"))
    assert code == 2
    assert "-H works on the command line only" in err


# -- the far side --------------------------------------------------------------------------------


def test_bytes_go_both_ways_until_a_side_ends(tmp_path: Path) -> None:
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(tmp_path / "s"))
    listener.listen()
    there, here = socket.socketpair()
    thread = threading.Thread(target=stdio.relay, args=(str(tmp_path / "s"), there.fileno(), there.fileno()))
    thread.start()
    daemon, _ = listener.accept()
    here.sendall(b"\x00ask\xff")
    assert daemon.recv(100) == b"\x00ask\xff"
    daemon.sendall(b"x" * 300_000)
    assert len(here.recv(300_000, socket.MSG_WAITALL)) == 300_000
    here.shutdown(socket.SHUT_WR)
    assert daemon.recv(100) == b""
    thread.join(60)
    assert not thread.is_alive()
    for sock in (listener, there, here, daemon):
        sock.close()


def test_no_daemon_on_the_far_side(run: Labctl) -> None:
    code, out, err = run("--socket", "/no/such", "--stdio")
    assert (code, out) == (3, "")
    assert err.startswith("labctl: cannot reach labd: no labd answers at /no/such")


@pytest.mark.real
def test_without_a_host_nothing_of_it_is_loaded(daemon: FakeDaemon) -> None:
    daemon.on("job.show", {"job": job(12), "attempts": []})
    code = (
        "import sys; from labd.cli import labctl; labctl.main(['show', '12']);"
        "print([m for m in ('subprocess', 'labd.cli.remote', 'shlex') if m in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr.splitlines()[-1] in ("[]", "['shlex']")
