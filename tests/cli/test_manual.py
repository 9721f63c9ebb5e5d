"""Manual pages: made from what --help says, without a warning of man(1), and readable without it."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from labd.cli import labctl, labd, manpage, manual, manual_labd
from labd.cli.names import COMMANDS
from labd.config import Config
from labd.config.names import setting_paths
from labd.config.origins import dotted
from tests.cli.conftest import Labctl

PAGES = manual.pages() | manual_labd.pages()


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("plain", "plain"),
        ("a `b --c` d", r"a \fBb \-\-c\fP d"),
        (".5 of it", r"\&.5 of it"),
        ("'quoted'", r"\(aqquoted\(aq"),
        ("a\\nb ~x ^y", r"a\enb \(tix \(hay"),
        ("one\ntwo\n\nthree", "one two\n.PP\nthree"),
    ],
)
def test_text_is_written_so_that_troff_shows_it(text: str, written: str) -> None:
    assert manpage.prose(text) == written
    assert manpage.plain(written).strip() == text.replace("`", "").replace("one\ntwo", "one two")


def test_every_command_has_a_page_with_all_its_options() -> None:
    assert set(PAGES) == {
        "man1/labctl.1", "man1/labd.1", "man5/labd.toml.5", *(f"man1/labctl-{name}.1" for name in COMMANDS),
    }  # fmt: skip
    for name in COMMANDS:
        text = manpage.plain(PAGES[f"man1/labctl-{name}.1"])
        module = labctl.load(name)
        assert all(option in text for option in labctl.command_parser(name, module).options)
        assert all(f"    {command}\n" in text for command, _ in module.EXAMPLES)


def test_every_setting_and_command_of_the_daemon_has_its_place() -> None:
    settings = manpage.plain(PAGES["man5/labd.toml.5"])
    assert not [p for p in setting_paths(Config) if f"\n{dotted(p)}\n    " not in settings]
    assert all(f"\nlabd {name}\n" in manpage.plain(PAGES["man1/labd.1"]) for name in labd.COMMANDS)


@pytest.mark.real
def test_man_has_nothing_to_warn_of(tmp_path: Path, run: Labctl) -> None:
    if shutil.which("man") is None:
        pytest.skip("man-db is not here")
    assert run("man", "--write", str(tmp_path)).err == f"{len(COMMANDS) + 1} pages are in {tmp_path}\n"
    assert labd.main(["man", "--write", str(tmp_path)]) == 0
    files = sorted(str(path) for path in tmp_path.glob("man*/*"))
    assert len(files) == len(PAGES)
    shown = subprocess.run(["man", "--warnings", "-l", *files], capture_output=True, text=True, check=True)
    assert shown.stderr == ""
    assert "labctl-submit - run a command as a job" in shown.stdout


@pytest.mark.real
def test_a_page_is_shown_with_and_without_man(run: Labctl, monkeypatch: pytest.MonkeyPatch) -> None:
    if shutil.which("man") is not None:
        assert "LABCTL-HOLD(1)" in run("man", "hold").out
        done = subprocess.run(
            [sys.executable, "-m", "labd", "man", "labd.toml"], capture_output=True, text=True, check=True
        )
        assert "LABD.TOML(5)" in done.stdout
    monkeypatch.setenv("PATH", "/nowhere")
    code, out, err = run("man", "hold")
    assert (code, err) == (0, "")
    assert out.startswith("NAME\n\nlabctl-hold - keep jobs from starting\n")
    assert "\n--dry-run\n    check and say what would happen" in out
    assert "\\" not in out


def test_a_wrong_page_is_named_with_the_nearest(run: Labctl) -> None:
    code, _, err = run("man", "submi")
    assert code == 2
    assert "did you mean `submit`?" in err
