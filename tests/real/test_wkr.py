"""wkr_serving on labd: its own tests, with the plugin as an installer would leave it."""

import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tests.daemon_process import CLEAN
from tests.real.test_hello_plugin import install

WKR = Path(__file__).parents[2] / "plugins_contrib" / "labd-wkr"

pytestmark = pytest.mark.real


def test_the_distribution_passes_its_own_tests(tmp_path: Path) -> None:
    project = tomllib.loads((WKR / "pyproject.toml").read_text())["project"]
    install(tmp_path, project["name"], project["version"], project["entry-points"])
    env = CLEAN | {"PYTHONPATH": os.pathsep.join([str(tmp_path), str(WKR / "src")])}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(WKR)]
    done = subprocess.run(command, cwd=WKR, env=env, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stdout[-5000:]
