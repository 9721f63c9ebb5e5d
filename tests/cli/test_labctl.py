"""labctl as a whole: finding commands, global options, ways to end."""

import json
import os
import pty
import re
import signal
import subprocess
import sys
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from labd import errors
from labd.cli import exits, extra, labctl, names
from labd.errors import NotFound
from tests.cli.conftest import Labctl
from tests.cli.fake import FakeDaemon, job
from tests.support import wait_until

LABCTL = [sys.executable, "-m", "labd.cli.labctl"]

FORBIDDEN = (
    "asyncio",
    "trio",
    "textual",
    "rich",
    "pluggy",
    "importlib.metadata",
    "logging",
    "dataclasses",
    "tomllib",
    "numpy",
    "msgspec",
    "psutil",
    "inspect",
    "subprocess",
    "shutil",
)


@pytest.fixture
def answering(daemon: FakeDaemon) -> FakeDaemon:
    daemon.on("daemon.status", {"resources": {"cores": 8.0, "cores_held": 2.0}})
    daemon.on("job.list", lambda params: {"jobs": [job()] if "running" in params["states"] else []})
    daemon.on("job.show", {"job": job(), "attempts": []})
    return daemon


@pytest.mark.real
@pytest.mark.parametrize("words", [["status"], ["status", "--json"], ["show", "12"], ["wait", "--help"]])
def test_nothing_heavy_is_imported(answering: FakeDaemon, words: list[str]) -> None:
    code = (
        "import sys; from labd.cli import labctl; code = labctl.main(sys.argv[1:]);"
        f"print(code, [m for m in {FORBIDDEN!r} if m in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code, *words], capture_output=True, text=True, check=True)
    assert done.stderr.splitlines()[-1] == "0 []"


@pytest.mark.real
def test_only_the_chosen_command_is_imported(answering: FakeDaemon) -> None:
    code = (
        "import sys; from labd.cli import labctl; labctl.main(['status']);"
        "print(sorted(m for m in sys.modules if m.startswith('labd.cli.commands.')), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr == "['labd.cli.commands.status']\n"


@pytest.mark.parametrize("name", names.COMMANDS)
def test_every_command_has_help_and_two_to_four_examples(name: str, run: Labctl) -> None:
    module = labctl.load(name)
    assert module.HELP.splitlines()[0] == names.COMMANDS[name]
    assert 2 <= len(module.EXAMPLES) <= 4
    assert all(command.split()[:2] == ["labctl", name] for command, _ in module.EXAMPLES)
    code, out, _ = run(name, "--help")
    assert code == 0
    assert all(command in out for command, _ in module.EXAMPLES)
    assert run("help", name).out == out


@pytest.mark.parametrize("name", names.COMMANDS)
def test_the_examples_parse(name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    import io
    import shlex

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"echo hello\n")))
    module = labctl.load(name)
    for command, _ in module.EXAMPLES:
        words = shlex.split(re.split(" [<>]| && | \\|\\| ", re.sub(r"\$\(.*\)", "12", command))[0])
        reader = getattr(module, "read", lambda parser, given: parser.read(given))
        reader(labctl.command_parser(name, module), words[2:])


def test_help_lists_every_command(run: Labctl) -> None:
    out = run("--help").out
    assert all(f"  {name:<12}{line}" in out for name, line in names.COMMANDS.items())
    assert out in run("help").out


def test_no_command_at_all_is_a_usage_error_with_help(run: Labctl) -> None:
    code, out, err = run()
    assert (code, out) == (2, "")
    assert err.startswith("usage: labctl")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["stats"], "there is no command stats\n  hint: did you mean `status`?"),
        (["squeue"], "there is no command squeue\n  hint: did you mean `status`?"),
        (["stop", "12"], "there is no command stop\n  hint: did you mean `cancel`?"),
        (["frobnicate"], "there is no command frobnicate\n  hint: see `labctl --help`"),
        (["--sock", "x", "status"], "there is no option --sock\n  hint: did you mean `--socket`?"),
        (["status", "--jsn"], "there is no option --jsn\n  hint: did you mean `--json`?"),
        (["show"], "the following arguments are required: JOB\n  hint: see `labctl show --help`"),
        (["show", "1", "2"], "there is no argument 2\n  hint: see `labctl show --help`"),
        (["completion", "bsh"], "SHELL: there is no 'bsh'\n  hint: did you mean `bash`?"),
    ],
)
def test_mistakes_have_hints(run: Labctl, words: list[str], message: str) -> None:
    assert run(*words) == (2, "", f"labctl: wrong argument: {message}\n")


def test_help_of_nothing_known(run: Labctl) -> None:
    code, _, err = run("help", "exit-code")
    assert (code, err) == (
        4,
        "labctl: not found: there is no command or topic exit-code\n  hint: did you mean `exit-codes`?\n",
    )


@pytest.mark.parametrize("topic", ["exit-codes", "jobs", "directives", "environment"])
def test_topics_fit_a_page(run: Labctl, topic: str) -> None:
    lines = run("help", topic).out.splitlines()
    assert len(lines) > 5
    assert max(map(len, lines)) <= 105


def test_every_exit_code_of_an_error_is_in_the_table() -> None:
    assert {cls.exit_code for cls in errors._tree(errors.LabdError)} <= set(exits.TABLE)


@pytest.mark.parametrize("words", [["--socket", "{s}", "show", "1"], ["show", "1", "--socket={s}"]])
def test_the_socket_is_named_before_or_after_the_command(
    answering: FakeDaemon, run: Labctl, monkeypatch: pytest.MonkeyPatch, words: list[str]
) -> None:
    monkeypatch.setenv("LABD_SOCKET", "/nowhere")
    assert run(*(word.format(s=answering.path) for word in words)).code == 0


def test_no_daemon_leaves_with_3(run: Labctl) -> None:
    code, out, err = run("--socket", "/no/such/socket", "status")
    assert (code, out) == (3, "")
    assert err.startswith("labctl: cannot reach labd: no labd answers at /no/such/socket")
    assert "  hint: " in err


def test_a_daemon_that_does_not_answer_leaves_with_8(daemon: FakeDaemon, run: Labctl) -> None:
    import threading

    release = threading.Event()
    daemon.on("job.show", lambda params: release.wait(60))
    assert run("show", "1", "--timeout", "0.1").code == 8
    release.set()


def test_the_version(run: Labctl) -> None:
    assert run("--version").out.startswith("labctl 0.")


# -- commands of others ---------------------------------------------------------------------------


def command_module(run: Callable[..., int]) -> types.ModuleType:
    module = types.ModuleType("labd_test_command")
    module.HELP = "greet somebody"  # type: ignore[attr-defined]
    module.add_arguments = lambda parser: parser.add_argument("whom")  # type: ignore[attr-defined]
    module.run = run  # type: ignore[attr-defined]
    return module


def test_another_distribution_can_add_a_command(
    daemon: FakeDaemon, run: Labctl, monkeypatch: pytest.MonkeyPatch
) -> None:
    def greet(args: Any, connect: Any) -> int:
        with connect() as client:
            sys.stdout.write(client.call("hello.greet", {"whom": args.whom}) + "\n")
        return 5

    daemon.on("hello.greet", lambda params: f"hello {params['whom']}")
    monkeypatch.setattr(extra, "find", lambda name: command_module(greet) if name == "greet" else None)
    assert run("greet", "anna") == (5, "hello anna\n", "")
    shown = run("greet", "--help").out
    assert run("help", "greet") == (0, shown, "")
    assert "greet somebody" in shown
    assert "Examples" not in shown
    daemon.on("hello.greet", NotFound("there is no method 'hello.greet'", hint="did you mean hello?"))
    assert run("greet", "anna").err.endswith("  hint: `labctl plugins` shows whether its plugin is loaded\n")


def test_a_command_of_another_is_listed_with_its_owner(run: Labctl, monkeypatch: pytest.MonkeyPatch) -> None:
    entry = types.SimpleNamespace(name="salutations", dist=types.SimpleNamespace(name="labd-hello"))
    monkeypatch.setattr("importlib.metadata.entry_points", lambda **kwargs: [entry])
    assert "\nPlugins:\n  salutations from plugin labd-hello\n" in run("--help").out


def test_a_broken_command_of_another_is_named_with_its_owner(
    run: Labctl, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Entry:
        value = "labd_broken"
        dist = types.SimpleNamespace(name="labd-broken")

        def load(self) -> None:
            raise ImportError("no module named numpyy")

    monkeypatch.setattr("importlib.metadata.entry_points", lambda **kwargs: [Entry()])
    assert run("greet") == (
        1,
        "",
        "labctl: broken command: greet of labd-broken: no module named numpyy\n"
        "  hint: update or uninstall labd-broken\n",
    )


# -- ways to end ----------------------------------------------------------------------------------


def test_a_defect_is_one_line_and_says_how_to_see_more(
    daemon: FakeDaemon, run: Labctl, monkeypatch: pytest.MonkeyPatch
) -> None:
    daemon.on("job.show", {"no job": "here"})
    assert run("show", "1") == (
        1,
        "",
        "labctl: internal error: KeyError: 'job'\n  hint: LABD_DEBUG=1 shows where\n",
    )
    monkeypatch.setenv("LABD_DEBUG", "1")
    with pytest.raises(KeyError):
        run("show", "1")


def test_a_folder_that_is_gone_is_a_system_error(
    daemon: FakeDaemon, run: Labctl, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone() -> str:
        raise FileNotFoundError(2, "No such file or directory")

    monkeypatch.setattr(os, "getcwd", gone)
    assert run("submit", "true") == (1, "", "labctl: system error: No such file or directory\n")


@pytest.mark.real
def test_a_reader_that_goes_away_is_no_error_message(answering: FakeDaemon) -> None:
    answering.on(
        "job.log", lambda p: {"data": b"x" * 65536, "offset": p["offset"] + 65536, "end": False, "attempt": 1}
    )
    done = subprocess.run(
        ["bash", "-c", '"$@" | head -c 1; exit ${PIPESTATUS[0]}', "x", *LABCTL, "logs", "12"],
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (141, b"x", b"")


@pytest.mark.real
@pytest.mark.parametrize("words", [["wait", "12"], ["logs", "-f", "12"], ["submit", "--wait", "true"]])
def test_ctrl_c_leaves_the_job_running_with_130(answering: FakeDaemon, words: list[str]) -> None:
    asked: list[str] = []

    def silent(params: dict[str, Any]) -> dict[str, Any]:
        asked.append("yes")
        wait_until(lambda: process.poll() is not None)
        return {}

    answering.on("job.submit", {"job": job(12), "created": True})
    answering.on("job.wait", silent)
    answering.on("job.log", silent)
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a suite in the background ignores it
    process = subprocess.Popen([*LABCTL, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    signal.signal(signal.SIGINT, before)
    wait_until(lambda: asked)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "goes on" in err
    assert "Traceback" not in err
    assert answering.params("job.cancel") == []


@pytest.mark.real
def test_a_terminal_gets_colour_and_its_own_width(answering: FakeDaemon) -> None:
    answering.on(
        "job.list", lambda p: {"jobs": [job(waiting_for="x" * 300)] if "running" in p["states"] else []}
    )
    env = {**os.environ, "TERM": "xterm", "COLUMNS": "60"}
    for name in ("NO_COLOR", "CLICOLOR", "CLICOLOR_FORCE"):
        env.pop(name, None)
    coloured = _on_a_terminal([*LABCTL, "status"], env)
    assert "\x1b[32mrunning\x1b[0m" in coloured
    plain = _on_a_terminal([*LABCTL, "status"], {**env, "NO_COLOR": "1"})
    assert "\x1b" not in plain
    assert max(map(len, plain.splitlines())) == 60
    assert json.loads(_on_a_terminal([*LABCTL, "status", "--json"], env))["version"] == 1


def _on_a_terminal(command: list[str], env: dict[str, str]) -> str:
    reader, writer = pty.openpty()
    with subprocess.Popen(
        command, env=env, stdout=writer, stderr=subprocess.DEVNULL, close_fds=True
    ) as process:
        os.close(writer)
        parts = []
        try:
            while part := os.read(reader, 65536):
                parts.append(part)
        except OSError:  # how Linux says that the other side was closed
            pass
        process.wait(60)
    os.close(reader)
    return b"".join(parts).decode().replace("\r\n", "\n")
