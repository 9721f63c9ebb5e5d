"""Where a job runs, by what it and the settings say."""

import os
import sys

from labd.dljob.local import Local
from labd.dljob.platform import Labd
from labd.dljob.settings import Settings
from labd.dljob.work import Target

PROJECT_DIR = "PROJECT_DIR"
"""The variable that names a folder of modules; ``..`` where it is not set."""


def of(settings: Settings, platform: bool, socket: str | None = None) -> Target:
    """The target of a job: labd, unless the job or the settings want it here."""
    if platform and settings.target == "labd":
        return Labd(socket)
    return Local(settings.workers)


def find_modules() -> None:
    """Let modules of the project be found: in the current folder, and where the variable says."""
    for folder in (os.getcwd(), os.path.abspath(os.environ.get(PROJECT_DIR, ".."))):
        if folder not in sys.path:
            sys.path.append(folder)
