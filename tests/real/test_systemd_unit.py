"""The units in etc/: systemd itself finds nothing wrong with them, and they stay as tight as they are."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ETC = Path(__file__).parents[2] / "etc"

LIMIT = 35
"""Tenths of systemd's exposure level that labd.service may have; smaller is tighter."""

pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="needs systemd-analyze (Debian: systemd)"),
]


@pytest.fixture
def units(tmp_path):
    """The units, with a program that exists here."""
    text = (ETC / "labd.service").read_text()
    assert "ExecStart=/usr/local/bin/labd run\n" in text
    (tmp_path / "labd.service").write_text(text.replace("/usr/local/bin/labd", sys.executable))
    shutil.copy(ETC / "labd.socket", tmp_path)
    return tmp_path


def analyze(folder, *arguments):
    return subprocess.run(
        ["systemd-analyze", *arguments], cwd=folder, capture_output=True, text=True, timeout=120, check=False
    )


def test_systemd_finds_nothing_wrong(units):
    done = analyze(units, "verify", "./labd.service", "./labd.socket")
    assert (done.returncode, done.stderr) == (0, "")


def test_systemd_finds_nothing_wrong_with_the_drop_in(units):
    (units / "labd.service.d").mkdir()
    shutil.copy(ETC / "labd-multi-user.conf", units / "labd.service.d")
    done = analyze(units, "verify", "./labd.service")
    assert (done.returncode, done.stderr) == (0, "")


def test_the_service_is_as_tight_as_promised(units):
    done = analyze(units, "security", "--offline=yes", f"--threshold={LIMIT}", "./labd.service")
    assert done.returncode == 0, done.stdout[-200:]


@pytest.mark.parametrize(
    "line", ["Type=notify", "KillMode=process", "Delegate=yes", "OOMPolicy=continue", "TasksMax=infinity"]
)
def test_what_jobs_depend_on_is_set(units, line):
    assert line in (units / "labd.service").read_text().splitlines()


@pytest.mark.parametrize(
    "name",
    [
        "PrivateTmp",
        "PrivateDevices",
        "MemoryDenyWriteExecute",
        "RestrictNamespaces",
        "DynamicUser",
        "ProtectClock",
    ],
)
def test_what_would_break_jobs_is_not_set(units, name):
    lines = (units / "labd.service").read_text().splitlines()
    assert not [line for line in lines if line.startswith(f"{name}=")]
