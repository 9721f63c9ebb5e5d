"""The pytest plugin: cheap where nobody uses it, and its names are the ones that are written down."""

import subprocess
import sys
from importlib.metadata import entry_points

import pytest

import labd.testing
from labd.testing import plugin

HEAVY = {"trio", "msgspec", "msgpack", "pluggy", "sqlite3", "labd.api", "labd.daemon", "labd.jobs"}


def loaded_after(code):
    script = f"{code}\nimport sys; print('\\n'.join(sys.modules))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def test_it_brings_nothing_along_but_pytest():
    extra = loaded_after("import labd.testing.plugin") - loaded_after("import pytest")
    assert not extra & HEAVY
    assert {name for name in extra if name.startswith("labd")} == {
        "labd", "labd.testing", "labd.testing.plugin",
    }  # fmt: skip


def test_pytest_finds_it_wherever_labd_is_installed():
    [entry] = [entry for entry in entry_points(group="pytest11") if entry.name == "labd"]
    assert entry.load() is plugin


@pytest.mark.parametrize("name", labd.testing.__all__)
def test_every_name_is_there_and_says_what_it_is(name):
    assert getattr(labd.testing, name).__doc__


def test_a_wrong_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'Nod'"):
        labd.testing.Nod  # noqa: B018


def test_the_names_are_stable():
    assert labd.testing.__all__ == [
        "Clock", "Devices", "FakeModels", "Node", "Outcome", "RunningService", "check_plugin", "client",
        "cut", "garbage", "run_service", "slow",
    ]  # fmt: skip
    fixtures = {name for name in vars(plugin) if name.startswith("labd_")}
    assert fixtures == {"labd_plugin", "labd_settings", "labd_clock", "labd_devices", "labd_node"}


def test_a_node_works_without_trio(labd_node):
    assert labd_node.name == "plugin"
    assert labd_node.ledger.capacity.cores == 8000


def test_a_project_overrides_the_fixtures(tmp_path):
    (tmp_path / "conftest.py").write_text("""
import pytest, msgspec
from labd.api import hookimpl
class Settings(msgspec.Struct):
    sides: int = 6
class Plugin:
    @hookimpl
    def labd_settings(self): return Settings
@pytest.fixture
def labd_plugin(): return Plugin()
@pytest.fixture
def labd_settings(): return {"sides": 4}
""")
    (tmp_path / "test_it.py").write_text("def test_it(labd_node): assert labd_node.config.sides == 4\n")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path, timeout=120)
    assert done.returncode == 0, done.stdout
