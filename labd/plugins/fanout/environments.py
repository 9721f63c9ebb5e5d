"""In a worker of the user: one virtual environment for each set of requirements. Standard library only."""

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys

KEEP = 40
"""Last lines of pip that are told when it fails."""


def make(requirements: list[str]) -> str:
    """The interpreter of the environment with *requirements*, which is made where it is not there yet.

    Raises RuntimeError with what pip said.
    """
    text = "\n".join(requirements) + "\n"
    name = hashlib.sha256(f"{sys.version}\n{sys.executable}\n{text}".encode()).hexdigest()[:24]
    cache = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    folder = os.path.join(cache, "labd", "environments", name)
    os.makedirs(os.path.dirname(folder), exist_ok=True)
    with open(f"{folder}.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not os.path.exists(os.path.join(folder, "ready")):
            shutil.rmtree(folder, ignore_errors=True)
            _fill(folder, text)
    return os.path.join(folder, "bin", "python")


def _fill(folder: str, text: str) -> None:
    _run([sys.executable, "-m", "venv", folder])
    path = os.path.join(folder, "requirements.txt")
    with open(path, "w") as file:
        file.write(text)
    _run([os.path.join(folder, "bin", "python"), "-m", "pip", "install", "--disable-pip-version-check",
          "--no-input", "-r", path])  # fmt: skip
    with open(os.path.join(folder, "ready"), "w") as file:
        os.fsync(file.fileno())


def _run(command: list[str]) -> None:
    done = subprocess.run(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False
    )
    if done.returncode:
        said = done.stdout.decode(errors="replace").strip().splitlines()
        raise RuntimeError("\n".join(said[-KEEP:]) or f"{command[0]} left with {done.returncode}")
