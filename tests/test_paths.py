"""Where labd keeps things."""

import os
import subprocess
import sys

import pytest

from labd import paths
from labd.paths import client_socket, find

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
HOME = {"HOME": "/home/anna"}


def test_root_has_the_places_of_the_system():
    assert find({}, 0) == (
        "/var/lib/labd", "/run/labd", "/etc/labd", "/var/cache/labd", "/var/log/labd", "/run/labd/labd.sock",
    )  # fmt: skip


def test_a_user_has_the_places_of_xdg():
    env = {f"XDG_{name}_HOME": f"/x/{name.lower()}" for name in ("STATE", "CONFIG", "CACHE")} | HOME
    assert find(env | {"XDG_RUNTIME_DIR": "/run/user/5"}, 5) == (
        "/x/state/labd", "/run/user/5/labd", "/x/config/labd", "/x/cache/labd", "/x/state/labd/log",
        "/run/user/5/labd/labd.sock",
    )  # fmt: skip


def test_a_user_without_xdg_has_the_usual_places():
    assert find(HOME, 5) == (
        "/home/anna/.local/state/labd", "/tmp/labd-5", "/home/anna/.config/labd", "/home/anna/.cache/labd",
        "/home/anna/.local/state/labd/log", "/tmp/labd-5/labd.sock",
    )  # fmt: skip


def test_relative_xdg_values_are_ignored():
    assert find(HOME | {"XDG_STATE_HOME": "here", "XDG_RUNTIME_DIR": ""}, 5) == find(HOME, 5)


@pytest.mark.parametrize("uid", [0, 5])
def test_systemd_wins_over_the_usual_places(uid):
    names = ("STATE", "RUNTIME", "CONFIGURATION", "CACHE", "LOGS")
    found = find(HOME | {f"{name}_DIRECTORY": f"/s/{name}:/other" for name in names}, uid)
    assert found[:5] == ("/s/STATE", "/s/RUNTIME", "/s/CONFIGURATION", "/s/CACHE", "/s/LOGS")
    assert found.socket == "/s/RUNTIME/labd.sock"


def test_what_is_given_wins_over_systemd():
    env = HOME | {"STATE_DIRECTORY": "/s", "RUNTIME_DIRECTORY": "/r"}
    found = find(env, 5, state="/mine", runtime="/run/mine", socket="/sock")
    assert (found.state, found.runtime, found.socket) == ("/mine", "/run/mine", "/sock")
    assert find(env, 5, runtime="/run/mine").socket == "/run/mine/labd.sock"


def test_empty_means_not_given():
    assert find(HOME, 5, state="", runtime="", socket="") == find(HOME, 5)


def test_every_path_is_absolute():
    assert find(HOME, 5, state="here").state == os.path.abspath("here")


def test_a_user_without_a_home_still_has_places():
    assert all(path.startswith("/") for path in find({}, 4_000_000_000))


def test_the_own_environment_is_the_default():
    assert find().state.startswith("/")


@pytest.fixture
def machine(tmp_path, monkeypatch):
    """An environment with a runtime folder, and a system socket that can be made to exist."""
    monkeypatch.setattr(paths, "SYSTEM_SOCKET", str(tmp_path / "system.sock"))
    (tmp_path / "labd").mkdir()
    return tmp_path, {"XDG_RUNTIME_DIR": str(tmp_path)}


def test_the_client_takes_what_it_is_given(machine):
    _, env = machine
    assert client_socket("/given", env | {"LABD_SOCKET": "/named"}, 5) == "/given"
    assert client_socket(None, env | {"LABD_SOCKET": "/named"}, 5) == "/named"


def test_the_client_prefers_the_users_daemon_to_the_systems(machine):
    folder, env = machine
    own, system = folder / "labd/labd.sock", folder / "system.sock"
    assert client_socket(None, env, 5) == str(own)
    system.touch()
    assert client_socket(None, env, 5) == str(system)
    own.touch()
    assert client_socket(None, env, 5) == str(own)


def test_the_client_and_the_daemon_agree_when_nothing_is_there_yet(machine):
    _, env = machine
    assert client_socket(None, env, 5) == find(env | HOME, 5).socket
    assert client_socket(None, {}, 5) == find(HOME, 5).socket


def test_roots_client_does_not_look_for_a_daemon_of_roots_session(tmp_path):
    assert client_socket(None, {"XDG_RUNTIME_DIR": str(tmp_path)}, 0) == find({}, 0).socket


def test_paths_and_units_cost_a_client_nothing():
    heavy = "{'asyncio', 'dataclasses', 'logging', 'pathlib', 'tomllib', 'msgspec', 'pwd'}"
    code = "import labd.paths, labd.units, sys; labd.paths.client_socket()"
    command = [sys.executable, "-S", "-c", f"{code}; print(sorted({heavy} & set(sys.modules)))"]
    assert subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT).stdout == "[]\n"
