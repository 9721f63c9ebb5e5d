"""The distribution labd-slurm passes its own tests, with or without Slurm."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.daemon_process import PATIENCE

SLURM = Path(__file__).parents[2] / "plugins_contrib" / "labd-slurm"

pytestmark = pytest.mark.real


def test_the_distribution_passes_its_own_tests() -> None:
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(SLURM)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE * 2, check=False)
    assert done.returncode == 0, done.stdout[-3000:]
