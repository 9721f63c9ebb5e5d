"""What jobs and their files are called. Pure."""

import re
from datetime import datetime

from labd.dljob.helpers import bool_str


def job_name(method: str, when: datetime, platform: bool) -> str:
    """The name of a job of *method* (``module.function``) that was not given one."""
    return f"dljob_{method}-{when:%b_%d_%Y_%H:%M:%S}-{'platform' if platform else 'local'}"


def file_path(folder: str, wish: bool | str, name: str, when: datetime | None, ending: str) -> str:
    """Where a file of the job *name* is, or an empty string when *wish* is false.

    *wish* is true for a file called as the job, else the file's name; text by
    :func:`~labd.dljob.helpers.bool_str`. *when* is the stamp in the name, None for none. Spaces become dots.
    """
    wish = bool_str(wish)
    if not wish:
        return ""
    base = name if wish is True else str(wish)
    stamp = f"_{when:%b.%d.%Y.%H:%M:%S}" if when else ""
    return re.sub(r" ", ".", f"{folder}/{base}{stamp}.{ending}")
