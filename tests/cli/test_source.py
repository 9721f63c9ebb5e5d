"""Scripts: ``#LABD`` lines, shipped texts, and what becomes of the first word."""

from pathlib import Path
from typing import Any

import pytest

from labd.cli.directives import directives
from labd.errors import UsageError
from tests.cli.conftest import Labctl
from tests.cli.fake import FakeDaemon, queued


@pytest.fixture
def folder(daemon: FakeDaemon, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    daemon.on("job.submit", {"job": queued(12), "created": True})
    monkeypatch.chdir(tmp_path)
    return tmp_path


def script(folder: Path, text: str, name: str = "job.sh", mode: int = 0o755) -> None:
    (folder / name).write_text(text)
    (folder / name).chmod(mode)


def spec(daemon: FakeDaemon) -> dict[str, Any]:
    found: dict[str, Any] = daemon.params("job.submit")[-1]["spec"]
    return found


TOP = "#!/bin/sh\n\n# a comment\n"


@pytest.mark.parametrize(
    ("line", "field", "value"),
    [
        ("#LABD --cpus 2", "cpus", 2.0),
        ("#LABD\t--cpus 2   # two of them", "cpus", 2.0),
        ("#LABD --name 'night run' --mem 1G", "name", "night run"),
        ('#LABD --name="night run"', "name", "night run"),
        ("#LABD --cpus 1\n#LABD --cpus 3", "cpus", 3.0),
        ("#LABD --tag a\n#LABD --tag b", "tags", ["a", "b"]),
        ("#LABD --hold", "hold", True),
        ("#LABD --begin 2026-09-22T08:00Z", "begin", 1_790_064_000.0),
        ("#LABD --retry-on 75 --group sweep", "group", "sweep"),
        (
            "#LABD --after 3\n#LABD --after 4:any",
            "after",
            [{"job": 3, "when": "ok"}, {"job": 4, "when": "any"}],
        ),
        ("#LABD", "argv", ["./job.sh"]),
        ("#LABDA --cpus 2", "argv", ["./job.sh"]),
    ],
)
def test_options_on_the_top_lines_count(
    folder: Path, daemon: FakeDaemon, run: Labctl, line: str, field: str, value: object
) -> None:
    script(folder, f"{TOP}{line}\necho hello\n")
    assert run("submit", "./job.sh").code == 0
    assert spec(daemon)[field] == value


def test_the_command_line_wins_and_lists_add_up(folder: Path, daemon: FakeDaemon, run: Labctl) -> None:
    script(folder, f"{TOP}#LABD --cpus 2 --name low --tag a --env A=1 --env B=1\n")
    run("submit", "--cpus", "4", "--tag", "b", "--env", "B=2", "./job.sh", "--cpus", "8")
    found = spec(daemon)
    assert (found["cpus"], found["name"], found["tags"]) == (4.0, "low", ["a", "b"])
    assert (found["env"]["A"], found["env"]["B"]) == ("1", "2")
    assert found["argv"] == ["./job.sh", "--cpus", "8"]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("#LABD --cpu 2", "job.sh:4: there is no option --cpu\n  hint: did you mean `--cpus`?"),
        ("#LABD --cpus two", "job.sh:4: --cpus: invalid float value: 'two'"),
        ("#LABD --begin soon", 'job.sh:4: --begin: "soon" is no moment'),
        ("#LABD --mem 8X", 'job.sh:4: --mem: "8X" is not a size'),
        ("#LABD cpus 2", "job.sh:4: cpus is no option"),
        ("#LABD --cpus 2 python", "job.sh:4: python is no option"),
        ("#LABD --name", "job.sh:4: --name: expected one argument"),
        ("#LABD --name 'open", "job.sh:4: no closing quotation"),
        ("#LABD --wait", "job.sh:4: --wait works on the command line only"),
        ("#LABD --script=x", "job.sh:4: --script works on the command line only"),
        ("#LABD --help", "job.sh:4: --help works on the command line only"),
        ("#LABD --cpus 1\n#LABD --socket /x", "job.sh:5: --socket works on the command line only"),
    ],
)
def test_a_wrong_one_is_named_with_file_and_line(folder: Path, run: Labctl, line: str, message: str) -> None:
    script(folder, f"{TOP}{line}\necho hello\n")
    code, out, err = run("submit", "job.sh")
    assert (code, out) == (2, "")
    assert err.startswith(f"labctl: wrong argument: {message}")


def test_those_below_the_first_line_of_code_are_ignored_and_said_so(
    folder: Path, daemon: FakeDaemon, run: Labctl
) -> None:
    script(folder, f"{TOP}echo hello\n#LABD --cpus 2\n")
    code, _, err = run("submit", "./job.sh")
    assert (code, "cpus" in spec(daemon)) == (0, False)
    assert err == "labctl: ./job.sh:5: ignored, as it stands below the first line of code\n"


@pytest.mark.parametrize(
    ("program", "cpus"), [("sh", 2.0), ("/bin/bash", 2.0), ("python3.11", 2.0), ("cat", None)]
)
def test_a_script_that_an_interpreter_is_given_counts(
    folder: Path, daemon: FakeDaemon, run: Labctl, program: str, cpus: float | None
) -> None:
    script(folder, f"{TOP}#LABD --cpus 2\n", mode=0o644)
    assert run("submit", program, "job.sh", "x").code == 0
    assert (spec(daemon).get("cpus"), spec(daemon)["argv"]) == (cpus, [program, "job.sh", "x"])
    run("submit", program, "-x", "job.sh")
    assert "cpus" not in spec(daemon)


def test_an_interpreted_script_that_moves_the_job_is_still_found(
    folder: Path, daemon: FakeDaemon, run: Labctl
) -> None:
    script(folder, f"{TOP}#LABD --cwd /data\n", mode=0o644)
    run("submit", "sh", "job.sh")
    assert (spec(daemon)["cwd"], spec(daemon)["argv"]) == ("/data", ["sh", f"{folder}/job.sh"])


def test_a_shipped_text_travels_with_its_directives_read(
    folder: Path, daemon: FakeDaemon, run: Labctl
) -> None:
    script(folder, f"{TOP}#LABD --gpus 1\necho $1\n", mode=0o644)
    assert run("submit", "--script", "job.sh", "one", "--two").code == 0
    found = spec(daemon)
    assert (found["argv"], found["gpus"], found["name"]) == (["one", "--two"], 1, "job")
    assert found["script"] == (folder / "job.sh").read_text()


def test_a_text_on_stdin_is_shipped(
    folder: Path, daemon: FakeDaemon, run: Labctl, monkeypatch: pytest.MonkeyPatch
) -> None:
    script(folder, "#LABD --name piped\necho hi\n")
    with open(folder / "job.sh") as stdin:
        monkeypatch.setattr("sys.stdin", stdin)
        run("submit", "--script", "-")
    assert (spec(daemon)["script"], spec(daemon)["name"]) == ("#LABD --name piped\necho hi\n", "piped")


def test_a_shipped_file_must_be_text(folder: Path, run: Labctl) -> None:
    (folder / "binary").write_bytes(b"\xff\xfe\x00")
    assert "--script binary: not UTF-8 text" in run("submit", "--script", "binary").err


def test_a_script_here_needs_no_dot_and_slash(folder: Path, daemon: FakeDaemon, run: Labctl) -> None:
    script(folder, TOP, "labd-test-train.sh")
    run("submit", "labd-test-train.sh", "x")
    assert spec(daemon)["argv"] == ["./labd-test-train.sh", "x"]


def test_a_program_on_the_path_is_never_taken_for_a_file_here(
    folder: Path, daemon: FakeDaemon, run: Labctl
) -> None:
    script(folder, f"{TOP}#LABD --cpus 9\n", "ls")
    run("submit", "ls")
    assert spec(daemon)["argv"] == ["ls"]
    assert "cpus" not in spec(daemon)


def test_a_script_is_looked_for_where_the_job_will_run(folder: Path, daemon: FakeDaemon, run: Labctl) -> None:
    (folder / "deep").mkdir()
    script(folder / "deep", f"{TOP}#LABD --cpus 5\n")
    run("submit", "--cwd", "deep", "./job.sh")
    assert (spec(daemon)["cpus"], spec(daemon)["argv"], spec(daemon)["cwd"]) == (
        5.0,
        ["./job.sh"],
        f"{folder}/deep",
    )


def test_a_script_that_moves_the_job_is_still_found(folder: Path, daemon: FakeDaemon, run: Labctl) -> None:
    script(folder, f"{TOP}#LABD --cwd /data\n")
    run("submit", "./job.sh")
    assert (spec(daemon)["cwd"], spec(daemon)["argv"]) == ("/data", [f"{folder}/job.sh"])


def test_a_script_that_cannot_run_is_refused_before_it_is_queued(
    folder: Path, daemon: FakeDaemon, run: Labctl
) -> None:
    script(folder, TOP, mode=0o644)
    code, _, err = run("submit", "./job.sh")
    assert (code, daemon.params("job.submit")) == (2, [])
    assert "./job.sh is not executable\n  hint: chmod +x ./job.sh, or ship" in err


def test_a_program_that_is_not_there_yet_is_the_jobs_own_affair(
    folder: Path, daemon: FakeDaemon, run: Labctl
) -> None:
    assert run("submit", "./build/tool").code == 0
    assert spec(daemon)["argv"] == ["./build/tool"]


def test_a_binary_is_not_searched(folder: Path, daemon: FakeDaemon, run: Labctl) -> None:
    (folder / "tool").write_bytes(b"\x7fELF\0\n#LABD --cpus 2\n")
    (folder / "tool").chmod(0o755)
    run("submit", "./tool")
    assert "cpus" not in spec(daemon)


def test_places_count_lines_from_one() -> None:
    found, late = directives("#LABD --a\n\n#LABD --b c\nx\n#LABD --d\n", "f")
    assert found == [("f:1", ["--a"]), ("f:3", ["--b", "c"])]
    assert late == ["f:5"]


def test_an_open_quotation_is_said_with_its_place() -> None:
    with pytest.raises(UsageError, match="f:1"):
        directives('#LABD --name "x', "f")
