"""What ``labd plugins new`` makes: installed beside labd, passes its tests, and works in a daemon."""

import importlib.util
import json
import site
import subprocess
import sys
import venv
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.daemon_process import CLEAN, PATIENCE, DaemonProcess

pytestmark = pytest.mark.real


class Beside(DaemonProcess):
    """A daemon of another Python."""

    python = ""

    @property
    def command(self) -> list[str]:
        return [self.python, *super().command[1:]]


class Author:
    """Somebody with an environment of their own, who has made a plugin and installed it."""

    def __init__(self) -> None:
        self.daemon = Beside()
        self.folder = Path(self.daemon.folder)
        venv.create(self.folder / "env", with_pip=False)
        self.python = self.daemon.python = str(self.folder / "env" / "bin" / "python")
        ours = "; ".join(f"site.addsitedir({path!r})" for path in site.getsitepackages())
        [packages] = self.folder.glob("env/lib/python*/site-packages")
        (packages / "ours.pth").write_text(f"import site; {ours}\n")
        self.run("-m", "labd", "plugins", "new", "my-thing")
        pip = ["pip", "install", "-q", "--no-deps", "--no-build-isolation", "--no-index"]
        self.run("-m", *pip, "--disable-pip-version-check", "-e", "./labd-my-thing")

    def run(self, *words: str) -> str:
        """What the command of their Python prints; AssertionError when it fails."""
        done = subprocess.run(
            [self.python, *words], env=CLEAN | {"LABD_SOCKET": self.daemon.socket}, cwd=self.folder,
            capture_output=True, text=True, timeout=PATIENCE * 2, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def labctl(self, *words: str) -> str:
        return self.run("-m", "labd.cli.labctl", *words)


@pytest.fixture(scope="module")
def author() -> Iterator[Author]:
    if importlib.util.find_spec("hatchling") is None:
        pytest.skip("hatchling, which builds the plugin, is not installed")
    author = Author()
    with author.daemon:
        author.daemon.start()
        yield author


def test_it_passes_its_own_tests(author: Author) -> None:
    assert "7 passed" in author.run("-m", "pytest", "-q", "-p", "no:cacheprovider", "labd-my-thing")


def test_labctl_lists_it_as_loaded(author: Author) -> None:
    found = json.loads(author.labctl("plugins", "--json"))["plugins"]
    [mine] = [plugin for plugin in found if plugin["name"] == "my-thing"]
    assert (mine["state"], mine["distribution"], mine["error"]) == ("loaded", "labd-my-thing", "")
    assert mine["hooks"] == [f"labd_{name}" for name in ("settings", "job_kinds", "methods", "services")]


def test_all_that_it_offers_works(author: Author) -> None:
    say = ["--kind", "my-thing", "--param", "text=hi", "--param", "times=2", "--name", "said", "--wait"]
    author.labctl("submit", *say)
    assert author.labctl("logs", "said") == "hi\nhi\n"
    author.daemon.ended(author.daemon.submit("false"))
    told = json.loads(author.labctl("call", "my-thing.recent"))["jobs"]
    assert [ended["state"] for ended in told] == ["failed", "succeeded"]
    assert author.labctl("my-thing", "1").split() == [str(told[0]["job"]), "failed"]


def test_the_same_name_is_not_made_twice(author: Author) -> None:
    done = subprocess.run(
        [author.python, "-m", "labd", "plugins", "new", "my-thing", "--into", author.daemon.state],
        env=CLEAN, capture_output=True, text=True, timeout=PATIENCE, check=False,
    )  # fmt: skip
    assert done.returncode == 6
    assert "there is a plugin 'my-thing' already, of labd-my-thing" in done.stderr


def test_the_template_is_itself_a_good_plugin() -> None:
    folder = Path(__file__).parents[2] / "plugins_contrib" / "template"
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE * 2, check=False)
    assert done.returncode == 0, done.stdout[-3000:]
