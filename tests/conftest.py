"""What every test gets: no labd of the one who runs them is ever asked, and hypothesis takes its time."""

import logging
import os
from collections.abc import Iterator

import pytest
from hypothesis import settings

settings.register_profile("labd", deadline=None)  # the machine may be busy with something else
settings.load_profile("labd")


@pytest.fixture(autouse=True, scope="session")
def no_daemon_of_ours() -> None:
    """Take the names out of the environment by which a test could find a daemon that is in use."""
    for name in [
        name for name in os.environ if name.startswith("LABD_") and not name.startswith("LABD_TEST_")
    ]:
        del os.environ[name]


@pytest.fixture(autouse=True)
def level_of_the_log() -> Iterator[None]:
    """A daemon within a test sets the level for all: pytest would keep what it says, and count it."""
    root = logging.getLogger()
    level = root.level
    yield
    root.setLevel(level)
