"""The plugin that authors start from, and a broken one beside it, in a real daemon."""

import importlib.util
import json
import os
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.daemon_process import CLEAN, PATIENCE, DaemonProcess

HELLO = Path(__file__).parents[2] / "plugins_contrib" / "hello"

BROKEN = {
    "quits": "raise SystemExit('enough')",
    "typo": "from labd.api import hookimpl\n@hookimpl\ndef labd_servics(node): pass\n",
    "newer": "LABD_API = 99\n",
    "crashes": """
from labd.api import hookimpl, Restart, Service
async def run(*, task_status):
    task_status.started()
    raise OSError("no camera")
@hookimpl
def labd_services(node): return Service("crashes", run, Restart(burst=1, first_delay=0.01))
""",
}

pytestmark = pytest.mark.real


def install(site: Path, name: str, version: str, points: dict[str, dict[str, str]]) -> None:
    """The metadata of a distribution, as an installer would leave it in *site*."""
    info = site / f"{name.replace('-', '_')}-{version}.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    lines = [
        f"[{group}]\n" + "".join(f"{k} = {v}\n" for k, v in those.items()) for group, those in points.items()
    ]
    (info / "entry_points.txt").write_text("\n".join(lines))


def install_hello(site: Path) -> str:
    """Install hello with pip where its build backend is at hand, else by hand; the PYTHONPATH for it."""
    if importlib.util.find_spec("hatchling"):
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation"]
        subprocess.run([*pip, "--no-index", "--target", str(site), str(HELLO)], check=True, timeout=PATIENCE)
        return str(site)
    project = tomllib.loads((HELLO / "pyproject.toml").read_text())["project"]
    install(site, project["name"], project["version"], project["entry-points"])
    return os.pathsep.join([str(site), str(HELLO / "src")])


class House:
    """A daemon with hello and four broken plugins, and labctl with the same packages."""

    def __init__(self) -> None:
        self.daemon = DaemonProcess()
        site = Path(self.daemon.folder, "site")
        self.daemon.env["PYTHONPATH"] = install_hello(site)
        self.daemon.config.write_text('[plugins.hello]\ngreeting = "Good morning"\ninterval = 0.2\n')
        for name, source in BROKEN.items():
            (site / f"{name}_plugin.py").write_text(source)
            install(site, f"labd-{name}", "1.0", {"labd.plugins": {name: f"{name}_plugin"}})

    def labctl(self, *words: str) -> str:
        """What labctl prints; AssertionError when it complains."""
        done = subprocess.run(
            [sys.executable, "-m", "labd.cli.labctl", *words],
            env=CLEAN | self.daemon.env | {"LABD_SOCKET": self.daemon.socket},
            capture_output=True, text=True, timeout=PATIENCE, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return done.stdout

    def plugins(self) -> dict[str, dict[str, Any]]:
        return {plugin["name"]: plugin for plugin in self.daemon.call("plugin.list")["plugins"]}


@pytest.fixture(scope="module")
def house() -> Iterator[House]:
    house = House()
    with house.daemon:
        house.daemon.start()
        yield house


def test_hello_is_listed_as_loaded_with_its_hooks(house: House) -> None:
    hello = house.plugins()["hello"]
    assert (hello["state"], hello["distribution"], hello["version"]) == ("loaded", "labd-hello", "0.1.0")
    names = (
        "settings",
        "job_kinds",
        "notifiers",
        "methods",
        "http_routes",
        "metrics",
        "model_loaders",
        "services",
    )
    assert list(hello["hooks"]) == [f"labd_{name}" for name in names]


def test_its_method_answers_in_the_words_of_the_configuration(house: House) -> None:
    answer = json.loads(house.labctl("call", "hello.greet", "who=Ada"))
    assert answer["text"] == "Good morning, Ada!"


def test_its_command_is_one_of_labctl(house: House) -> None:
    assert house.labctl("hello", "Grace") == "Good morning, Grace!\n"
    assert "hello" in house.labctl("--help")


def test_its_kind_of_job_runs(house: House) -> None:
    house.labctl("submit", "--kind", "greet", "--name", "greeting", "--wait")
    assert house.labctl("logs", "greeting") == "Good morning, world!\n"


def test_its_service_ticks(house: House) -> None:
    house.daemon.until_event("hello.tick")
    ticks = house.daemon.events("hello.tick")
    assert ticks[0]["data"]["count"] == 1
    assert ticks[0]["actor"] == "plugin hello"


@pytest.mark.parametrize(
    ("name", "state", "error"),
    [
        ("quits", "failed", "SystemExit: enough"),
        ("typo", "failed", "AttributeError: there is no hook labd_servics; did you mean labd_services?"),
        ("newer", "incompatible", "needs plugin API 99, this labd offers 1"),
    ],
)
def test_r28_a_broken_plugin_is_listed_with_its_error(
    house: House, name: str, state: str, error: str
) -> None:
    plugin = house.plugins()[name]
    assert (plugin["state"], plugin["error"]) == (state, error)
    assert error in house.labctl("plugins", "--json")


def test_r28_a_service_that_keeps_failing_leaves_the_daemon_alone(house: House) -> None:
    house.daemon.until_event("service.failed")
    assert house.daemon.answers()
    crashes, hello = house.plugins()["crashes"], house.plugins()["hello"]
    assert (crashes["state"], crashes["restarts"]) == ("broken", 1)
    assert crashes["error"] == "service crashes gave up after 1 restart: OSError: no camera"
    assert (hello["state"], hello["restarts"], hello["faults"]) == ("loaded", 0, 0)


def test_the_plugin_passes_its_own_tests() -> None:
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(HELLO)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE * 2, check=False)
    assert done.returncode == 0, done.stdout[-3000:]
