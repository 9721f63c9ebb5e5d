"""labd service, on folders of its own; no systemd is asked."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from labd.cli import labd
from labd.cli.service import place


@pytest.fixture
def run(tmp_path, capfd):
    def labd_(*words):
        code = labd.main(["service", *words, "--root", str(tmp_path)])
        return code, *capfd.readouterr()

    return labd_


@pytest.fixture
def unit(tmp_path):
    return tmp_path / "etc/systemd/system/labd.service"


def test_units_are_written_and_a_second_time_nothing_is(run, unit):
    code, out, err = run("install")
    assert (code, unit.is_file()) == (0, True)
    assert f"+++ {unit}" in out
    assert f"written: {unit}" in err
    assert f"ExecStart={place.command(None)[0]}" in unit.read_text()
    code, out, err = run("install")
    assert (code, out) == (0, "")
    assert "nothing to change" in err


def test_a_dry_run_shows_and_writes_nothing(run, unit):
    code, out, err = run("install", "--dry-run")
    assert code == 0
    assert "+ExecStart=" in out
    assert "would be written" in err
    assert not unit.exists()


def test_a_unit_edited_by_hand_is_shown_and_left_alone(run, unit):
    run("install")
    unit.write_text(unit.read_text().replace("WatchdogSec=30", "WatchdogSec=5"))
    code, out, err = run("install")
    assert code == 6
    assert "-WatchdogSec=5" in out
    assert "was edited by hand" in err
    assert "WatchdogSec=5" in unit.read_text()
    assert run("uninstall")[0] == 6
    assert run("install", "--force")[0] == 0
    assert "WatchdogSec=30" in unit.read_text()


def test_a_unit_of_another_version_is_replaced(run, unit):
    run("install", "--multi-user")
    assert run("install", "--multi-user", "--json")[1].strip().startswith("{")
    dropin = unit.parent / "labd.service.d/multi-user.conf"
    assert dropin.is_file()
    code, _, err = run("uninstall")
    assert code == 0
    assert "removed" in err
    assert not unit.exists()
    assert not dropin.parent.exists()


def test_the_status_says_how_each_unit_stands(run, unit):
    code, out, _ = run("status", "--json")
    told = json.loads(out)
    assert code == 1
    assert told["units"] == {"labd.service": "absent", "labd.socket": "absent"}
    run("install")
    unit.write_text("x")
    told = json.loads(run("status", "--json")[1])
    assert told["units"] == {"labd.service": "edited", "labd.socket": "current"}
    assert set(told) == {"version", "folder", "units", "systemd", "lingers"}


def test_a_configuration_named_before_the_command_is_in_the_unit(tmp_path, unit, capfd):
    assert labd.main(["--config", "/etc/my labd.toml", "service", "install", "--root", str(tmp_path)]) == 0
    assert 'labd --config "/etc/my labd.toml" run' in unit.read_text()


def test_what_remains_is_said(run, monkeypatch, tmp_path):
    monkeypatch.setattr("labd.cli.service.systemd.lingers", lambda uid: False)
    told = json.loads(run("install", "--user", "--json")[1])
    assert any(line.startswith("loginctl enable-linger") for line in told["remaining"])


def test_the_users_units_lie_where_systemd_looks():
    assert place.folder("", user=True, env={"XDG_CONFIG_HOME": "/x"}) == "/x/systemd/user"
    assert place.folder("", user=False) == "/etc/systemd/system"


def test_a_folder_that_others_cannot_enter_is_named(tmp_path):
    (tmp_path / "closed").mkdir(mode=0o700)
    found = place.unreachable(str(tmp_path / "closed/bin/labd"))
    assert found
    assert not os.stat(found).st_mode & 0o001
    assert place.unreachable("/bin/labd") == ""


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="needs systemd-analyze (Debian: systemd)")
@pytest.mark.parametrize("more", [[], ["--user"]])
def test_systemd_finds_nothing_wrong_with_what_is_installed(run, tmp_path, more):
    told = json.loads(run("install", "--json", *more)[1])
    units = [str(Path(told["folder"], name)) for name in told["units"]]
    done = subprocess.run(
        ["systemd-analyze", "verify", *units], capture_output=True, text=True, timeout=120, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="needs systemd-analyze (Debian: systemd)")
def test_what_is_installed_is_as_tight_as_promised(run, unit):
    run("install")
    done = subprocess.run(
        ["systemd-analyze", "security", "--offline=yes", "--threshold=35", str(unit)],
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-200:]
