"""Where units lie, and how they are written: whole or not at all."""

import os
import sys
import sysconfig
from collections.abc import Mapping, Sequence

from labd.errors import LabdError

SYSTEM = "/etc/systemd/system"


def folder(root: str, *, user: bool, env: Mapping[str, str] = os.environ) -> str:
    """The folder of units that an admin, or a user, writes; below *root* if that is not empty."""
    home = os.path.expanduser("~")
    config = env.get("XDG_CONFIG_HOME", "")
    own = f"{config if config.startswith('/') else f'{home}/.config'}/systemd/user"
    return os.path.join(root, (own if user else SYSTEM).lstrip("/")) if root else own if user else SYSTEM


def command(config: str | None) -> list[str]:
    """How this installation starts its daemon."""
    script = os.path.join(sysconfig.get_path("scripts"), "labd")
    program = [script] if os.access(script, os.X_OK) else [sys.executable, "-m", "labd"]
    return [*program, *(["--config", os.path.abspath(config)] if config else []), "run"]


def read(folder: str, names: Sequence[str]) -> dict[str, str | None]:
    """The units that are there, None for each that is not."""
    return {name: _text(os.path.join(folder, name)) for name in names}


def _text(path: str) -> str | None:
    try:
        with open(path, encoding="utf-8", errors="surrogateescape") as file:
            return file.read()
    except FileNotFoundError:
        return None


def write(folder: str, name: str, text: str) -> None:
    """Put *text* there as the unit *name*. Raises LabdError that says what to do."""
    path = os.path.join(folder, name)
    made = f"{path}.new"
    try:
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(made, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.replace(made, path)
    except OSError as error:
        raise _cannot(path, error) from error


def remove(folder: str, name: str) -> None:
    """Remove the unit *name*, and the folder of a drop-in that is then empty. Raises LabdError."""
    path = os.path.join(folder, name)
    try:
        os.unlink(path)
        if os.path.dirname(name) and not os.listdir(os.path.dirname(path)):
            os.rmdir(os.path.dirname(path))
    except OSError as error:
        raise _cannot(path, error) from error


def unreachable(path: str) -> str:
    """The first folder above *path* that other users cannot enter, or an empty string."""
    parts = os.path.dirname(os.path.abspath(path)).split("/")[1:]
    above = ["/" + "/".join(parts[: n + 1]) for n in range(len(parts))]
    return next((each for each in above if os.path.isdir(each) and not os.stat(each).st_mode & 0o001), "")


def _cannot(path: str, error: OSError) -> LabdError:
    failure = LabdError(
        f"{path}: {error.strerror}",
        hint="as root, or with --user for units of your own; --dry-run shows them",
    )
    failure.title = "cannot change a unit"
    return failure
