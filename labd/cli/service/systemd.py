"""What systemd is asked and told, through ``systemctl``."""

import os
import pwd
import shutil
import subprocess

from labd.errors import LabdError, Refused

PATIENCE = 150.0
"""Seconds for one order; a daemon may take TimeoutStartSec to start."""


class Systemd:
    """The manager of the system, or of the *user* who calls."""

    def __init__(self, *, user: bool) -> None:
        self.user = user
        self.words = ["systemctl", "--user"] if user else ["systemctl"]

    @property
    def here(self) -> bool:
        """Whether the machine was started by systemd, so that there is somebody to ask."""
        return os.path.isdir("/run/systemd/system") and shutil.which("systemctl") is not None

    def state(self, unit: str, what: str) -> str:
        """``is-active`` or ``is-enabled`` of *unit*, in systemd's word; empty where nobody can be asked."""
        if not self.here:
            return ""
        done = subprocess.run(
            [*self.words, what, unit], capture_output=True, text=True, timeout=PATIENCE, check=False
        )
        return done.stdout.strip()

    def order(self, *words: str) -> None:
        """Have something done. Raises Refused without systemd, LabdError with systemd's complaint."""
        if not self.here:
            raise Refused("systemd does not run here", hint="leave --now out, and enable the units later")
        done = subprocess.run(
            [*self.words, *words], capture_output=True, text=True, timeout=PATIENCE, check=False
        )
        if done.returncode:
            raise _failed([*self.words, *words], done.stderr)


def lingers(uid: int) -> bool:
    """Whether the units of a user run also while that user is not logged in."""
    try:
        return os.path.exists(f"/var/lib/systemd/linger/{pwd.getpwuid(uid).pw_name}")
    except KeyError:
        return False


def has_user(name: str) -> bool:
    """Whether the machine knows the user *name*."""
    try:
        pwd.getpwnam(name)
    except KeyError:
        return False
    return True


def _failed(words: list[str], told: str) -> LabdError:
    failure = LabdError(f"{' '.join(words)}: {told.strip()}", hint="journalctl -u labd says more")
    failure.title = "systemd refuses"
    return failure
