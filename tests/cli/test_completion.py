"""Completion: the scripts are sound, offer what there is, and run nobody's text."""

import os
import pty
import select
import shutil
import signal
import subprocess
from pathlib import Path

import pytest

from labd.cli import tree
from tests.cli.conftest import Labctl
from tests.cli.fake import FakeDaemon, job

ASK = """
source {script}
labctl() {{ {labctl}; }}
COMP_WORDS=({words})
COMP_CWORD=$(({n} - 1))
_labctl
printf '%s\\n' "${{COMPREPLY[@]}}"
"""


@pytest.fixture
def bash(run: Labctl, tmp_path: Path) -> Path:
    (tmp_path / "labctl.bash").write_text(run("completion", "bash").out)
    return tmp_path / "labctl.bash"


def offered(script: Path, words: list[str], labctl: str = ":") -> list[str]:
    """What bash offers for the last word."""
    quoted = " ".join(f"'{word}'" for word in ["labctl", *words])
    text = ASK.format(script=script, labctl=labctl, words=quoted, n=len(words) + 1)
    done = subprocess.run(["bash", "-c", text], capture_output=True, text=True, check=True)
    assert done.stderr == ""
    return done.stdout.split()


@pytest.mark.real
@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_script_has_sound_syntax(run: Labctl, tmp_path: Path, shell: str) -> None:
    code, out, err = run("completion", shell)
    assert (code, err) == (0, "")
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not here")
    (tmp_path / "script").write_text(out)
    subprocess.run([shell, "-n", str(tmp_path / "script")], check=True)


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_every_command_and_option_is_in_the_script(run: Labctl, shell: str) -> None:
    out = run("completion", shell).out
    for command in tree.commands():
        assert command.name in out
        for name in (name for option in command.options for name in option.names if name.startswith("--")):
            assert (f"-l {name[2:]}" if shell == "fish" else name) in out


@pytest.mark.real
@pytest.mark.parametrize(
    ("words", "some", "none"),
    [
        (["st"], {"status"}, {"show"}),
        (["--s"], {"--socket"}, {"status"}),
        (["--socket", "/x", "can"], {"cancel"}, set()),
        (["status", "--st"], {"--state"}, {"--json"}),
        (["status", "--state", "f"], {"failed"}, {"lost"}),
        (["submit", "--cp"], {"--cpus"}, set()),
        (["submit", "--name", "x", "ec"], {"echo"}, set()),
        (["submit", "tool", "--cp"], set(), {"--cpus"}),
        (["submit", "--cpus", "2", "tool", "--na"], set(), {"--name"}),
        (["completion", ""], {"bash", "zsh", "fish"}, set()),
        (["help", "ex"], {"exit-codes"}, set()),
        (["status", "--sort", "st"], {"state", "started"}, {"name"}),
        (["-H", "gpu1", "can"], {"cancel"}, set()),
        (["cancel", "--dr"], {"--dry-run"}, set()),
        (["plugins", "--for"], {"--format"}, set()),
    ],
)
def test_bash_offers_what_fits(bash: Path, words: list[str], some: set[str], none: set[str]) -> None:
    found = set(offered(bash, words))
    assert some <= found
    assert not none & found


@pytest.mark.real
def test_bash_asks_for_jobs_and_never_runs_a_name(bash: Path, tmp_path: Path) -> None:
    names = f"printf '%s\\n' train 12 '$(touch {tmp_path}/ran)' '`touch {tmp_path}/ran`'"
    assert "train" in offered(bash, ["show", ""], labctl=names)
    assert offered(bash, ["cancel", "1", "1"], labctl=names) == ["12"]
    assert not (tmp_path / "ran").exists()


@pytest.mark.real
def test_bash_asks_for_jobs_that_fit_the_command(bash: Path) -> None:
    assert offered(bash, ["resume", ""], labctl="echo $# $3") == ["3", "paused"]
    assert offered(bash, ["hold", ""], labctl="echo $3 $4") == ["queued", "blocked"]
    assert offered(bash, ["submit", "--after", ""], labctl="echo $2") == ["jobs"]


@pytest.mark.real
def test_bash_asks_the_machine_that_the_line_names(bash: Path) -> None:
    assert offered(bash, ["-H", "gpu1", "show", ""], labctl='echo "$1-$2-$3-$4"') == [
        "-H-gpu1-__complete-jobs"
    ]
    assert offered(bash, ["show", "--socket", "/x", ""], labctl='echo "$1-$2-$3"') == [
        "--socket-/x-__complete"
    ]


@pytest.mark.real
def test_fish_asks_the_machine_that_the_line_names(run: Labctl, tmp_path: Path) -> None:
    if shutil.which("fish") is None:
        pytest.skip("fish is not here")
    (tmp_path / "labctl.fish").write_text(run("completion", "fish").out)
    asking = "function labctl; echo $argv | tr ' ' ,; end"
    text = f"source {tmp_path}/labctl.fish; {asking}; complete -C 'labctl {{}}'"
    for line, asked in (("-H gpu1 show ", "-H,gpu1,__complete,jobs"), ("show ", "__complete,jobs")):
        done = subprocess.run(["fish", "-c", text.format(line)], capture_output=True, text=True, check=True)
        assert asked in done.stdout.split()


@pytest.mark.real
def test_bash_offers_no_job_where_a_priority_stands(bash: Path) -> None:
    assert offered(bash, ["prio", "1"], labctl="echo 12") == []
    assert offered(bash, ["prio", "10", "1"], labctl="echo 12") == ["12"]


def test_with_states_only_jobs_in_these_are_offered(daemon: FakeDaemon, run: Labctl) -> None:
    daemon.on("job.list", {"jobs": [job(3)]})
    assert run("__complete", "jobs", "running", "paused").out.split() == ["3", "train"]
    assert daemon.params("job.list") == [{"limit": 100, "states": ["running", "paused"]}]


def test_names_that_a_shell_would_read_differently_are_not_offered(daemon: FakeDaemon, run: Labctl) -> None:
    jobs = [job(3), job(2, name="$(rm -rf ~)"), job(1, name="a b"), job(4, name="-x"), job(5, name="")]
    daemon.on("job.list", {"jobs": jobs})
    assert run("__complete", "jobs").out.split() == ["last", "3", "2", "1", "4", "5", "train"]


@pytest.mark.parametrize(
    ("action", "names"),
    [
        ("enable", ["off", "wrong"]),
        ("disable", ["bad", "on", "wrong"]),
        ("reload", ["bad", "on", "wrong"]),
        ("config", ["bad", "off", "on", "wrong"]),
        ("trace", ["bad", "on"]),
        ("hooks", []),
        ("$(rm)", []),
    ],
)
def test_plugins_are_offered_with_which_something_can_be_done(
    daemon: FakeDaemon, run: Labctl, action: str, names: list[str]
) -> None:
    states = {"on": "loaded", "off": "disabled", "bad": "broken", "wrong": "failed"}
    daemon.on("plugin.list", {"plugins": [{"name": name, "state": states[name]} for name in states]})
    assert run("__complete", "plugins", action).out.split() == names


@pytest.mark.real
def test_bash_asks_for_plugins_after_the_action(bash: Path) -> None:
    assert offered(bash, ["plugins", "re"]) == ["reload"]
    assert offered(bash, ["plugins", "--json", "reload", ""], labctl='echo "$1-$2-$3"') == [
        "__complete-plugins-reload"
    ]
    assert offered(bash, ["plugins", "trace", "hello", ""], labctl="echo on") == []


@pytest.mark.real
def test_fish_asks_for_plugins_after_the_action(run: Labctl, tmp_path: Path) -> None:
    if shutil.which("fish") is None:
        pytest.skip("fish is not here")
    (tmp_path / "labctl.fish").write_text(run("completion", "fish").out)
    text = f"source {tmp_path}/labctl.fish; function labctl; echo $argv | tr ' ' ,; end; complete -C '{{}}'"
    for line, asked, other in (
        ("labctl plugins reload ", "__complete,plugins,reload", "disable"),
        ("labctl plugins ", "reload", "__complete,plugins,reload"),
    ):
        done = subprocess.run(["fish", "-c", text.format(line)], capture_output=True, text=True, check=True)
        found = [each.split("\t")[0] for each in done.stdout.splitlines()]
        assert asked in found
        assert other not in found


@pytest.mark.real
def test_zsh_asks_for_plugins_after_the_action(run: Labctl, tmp_path: Path) -> None:
    if shutil.which("zsh") is None:
        pytest.skip("zsh is not here")
    (tmp_path / "_labctl").write_text(run("completion", "zsh").out)
    (tmp_path / "labctl").write_text(f'#!/bin/sh\necho "$@" >> {tmp_path}/asked\necho found\n')
    (tmp_path / "labctl").chmod(0o755)
    setup = f"fpath=({tmp_path} $fpath); autoload -Uz compinit; compinit -u -d {tmp_path}/dump; PS1=ready:"
    (tmp_path / ".zshrc").write_text(setup)
    env = os.environ | {"ZDOTDIR": str(tmp_path), "PATH": f"{tmp_path}:{os.environ['PATH']}", "TERM": "dumb"}
    pid, terminal = pty.fork()
    if pid == 0:
        os.execvpe("zsh", ["zsh", "-i"], env)
    try:
        until_shown(terminal, b"ready:")
        for line in (b"labctl plugins reload \t", b"labctl plugins --json disable \t"):
            os.write(terminal, line)
            until_shown(terminal, b"found")
            os.write(terminal, b"\x15")  # empty the line
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        os.close(terminal)
    asked = (tmp_path / "asked").read_text()
    assert asked == "__complete plugins reload\n__complete plugins disable\n"


def until_shown(terminal: int, text: bytes) -> None:
    shown = b""
    while text not in shown:
        assert select.select([terminal], [], [], 60)[0], shown
        shown += os.read(terminal, 4096)


def test_methods_are_offered(daemon: FakeDaemon, run: Labctl) -> None:
    daemon.on("methods", {"methods": [{"name": "job.list"}, {"name": "a b"}]})
    assert run("__complete", "methods").out == "job.list\n"


def test_without_a_daemon_there_is_silence(run: Labctl) -> None:
    assert run("--socket", "/no/such/socket", "__complete", "jobs") == (1, "", "")
    assert run("__complete", "nothing") == (0, "", "")
