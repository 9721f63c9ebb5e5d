"""What a job inherits."""

import os
from pathlib import Path

import pytest

from labd.cli import spec
from labd.environment import captured, split_undecodable, with_settings
from labd.errors import UsageError

CALLER = {
    "PATH": "/bin",
    "HOME": "/home/anna",
    "LC_TIME": "C",
    "WANDB_KEY": "k",
    "TERM": "xterm",
    "SHLVL": "2",
    "_": "/bin/x",
    "OLDPWD": "/x",
    "PWD": "/y",
    "SSH_AUTH_SOCK": "/s",
    "DBUS_SESSION_BUS_ADDRESS": "d",
    "XDG_SESSION_ID": "3",
    "XDG_CONFIG_HOME": "/c",
    "LABD_JOB_ID": "7",
    "TERM_SESSION_ID": "t",
    "NOTIFY_SOCKET": "/n",
    "TMUX": "t",
}


def test_names_of_the_session_stay_behind() -> None:
    assert set(captured(CALLER)) == {"PATH", "HOME", "LC_TIME", "WANDB_KEY", "TERM", "XDG_CONFIG_HOME"}


def test_a_clean_one_has_the_basics_only() -> None:
    assert set(captured(CALLER, clean=True)) == {"PATH", "HOME", "LC_TIME"}


def test_settings_win_and_bare_names_pass_on_the_callers_value() -> None:
    env = with_settings({"A": "0"}, ["A=1", "B=", "SSH_AUTH_SOCK"], CALLER)
    assert env == {"A": "1", "B": "", "SSH_AUTH_SOCK": "/s"}


@pytest.mark.parametrize("setting", ["=x", "NOT_THERE", ""])
def test_a_setting_of_nothing_is_refused(setting: str) -> None:
    with pytest.raises(UsageError, match="nothing to set"):
        with_settings({}, [setting], CALLER)


def test_what_is_not_utf8_is_named_and_left_out() -> None:
    assert split_undecodable({"A": "ä", "B": os.fsdecode(b"\xff")}) == ({"A": "ä"}, ["B"])


def test_the_folder_keeps_the_name_that_the_shell_has_for_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    monkeypatch.chdir(tmp_path / "link")
    assert spec.folder(None, {"PWD": f"{tmp_path}/link"}) == f"{tmp_path}/link"
    assert spec.folder(None, {"PWD": "/stale"}) == os.path.realpath(tmp_path / "real")
    assert spec.folder("../x", {}) == os.path.join(os.path.realpath(tmp_path), "x")
