"""What the tests here share: answers of Slurm, as it gave them."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture
def answer() -> Callable[[str], Any]:
    """What ``squeue --json`` printed, by the name of its file."""
    return lambda name: json.loads(Path(__file__).with_name("data").joinpath(f"{name}.json").read_text())
