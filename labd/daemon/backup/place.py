"""The state directory that a restore makes: empty before, whole after, and marked in between.

While the folder ``restoring`` is there, a restore was cut off and no daemon starts. The next restore removes
what it left: before the mark was made the directory was empty.
"""

import os
import shutil

from labd.errors import Conflict, StateError

MARK = "restoring"
_NOTHING = frozenset({"daemon.lock", "lost+found"})


def refuse_half(state: str) -> None:
    """Raise StateError when a restore into *state* did not come to its end."""
    if os.path.lexists(os.path.join(state, MARK)):
        raise StateError(
            f"a restore into {state} was cut off",
            hint="run `labd restore` again: it begins anew; or empty the directory",
        )


def refuse_used(state: str) -> None:
    """Raise Conflict unless *state* is empty, or holds what a restore that was cut off left."""
    there = set(os.listdir(state)) - _NOTHING if os.path.isdir(state) else set()
    if there and MARK not in there:
        raise Conflict(
            f"{state} is not empty: {', '.join(sorted(there)[:3])}",
            hint="nothing is ever overwritten: move it away, or name another with --state",
        )


def clear(state: str) -> None:
    """Remove what a restore that was cut off left. The mark goes last."""
    for name in sorted(set(os.listdir(state)) - _NOTHING, key=lambda name: name == MARK):
        path = os.path.join(state, name)
        if os.path.isdir(path) and not os.path.islink(path):
            shutil.rmtree(path)
        else:
            os.unlink(path)
