"""The doctor without a daemon: the state directory as files, and the machine."""

import os
import time
from collections.abc import Iterator

from labd.config.model import Store
from labd.daemon import doctor, machine_checks
from labd.daemon.backup.place import refuse_half
from labd.daemon.doctor import Check
from labd.errors import LabdError


def examine(store: str) -> list[Check]:
    """Every check that can be made of the *store*'s folder and of the machine. Blocks."""
    return list(_checks(store))


def _checks(store: str) -> Iterator[Check]:
    state = os.path.dirname(store)
    if not os.path.isdir(state):
        yield Check("state", "ok", f"{state} is not there yet: the first start makes it")
    else:
        yield from _of_state(store, state)
    yield doctor.sqlite_version()
    yield doctor.clock()
    yield machine_checks.synchronised()
    yield machine_checks.versions()
    yield doctor.sandbox()


def _of_state(store: str, state: str) -> Iterator[Check]:
    try:
        refuse_half(state)
        if os.path.exists(store):
            yield machine_checks.integrity(store)
            yield machine_checks.snapshots(store, Store().snapshot_interval, time.time())
            yield machine_checks.copies(store)
        yield doctor.disk(state)
        yield doctor.fsync_speed(state)
    except LabdError as error:
        yield Check("state", "fail", error.message, error.hint)
    except OSError as error:
        yield Check("state", "fail", f"{error.filename}: {error.strerror}", "root, or labd's user, may look")
