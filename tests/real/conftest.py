"""Real daemons for the tests here; each is gone, with all its jobs, when its test is over."""

from collections.abc import Callable, Iterator

import pytest

from tests.daemon_process import DaemonProcess


@pytest.fixture
def make_daemon() -> Iterator[Callable[..., DaemonProcess]]:
    """Make daemons that are not started; none of them may have shown a traceback in the end."""
    made: list[DaemonProcess] = []

    def make(*options: str, cores: int = 8) -> DaemonProcess:
        made.append(DaemonProcess(*options, cores=cores))
        return made[-1]

    yield make
    logs = [daemon.log() for daemon in made]
    for daemon in made:
        daemon.close()
    for log in logs:
        assert "Traceback" not in log, log


@pytest.fixture
def daemon(make_daemon: Callable[..., DaemonProcess]) -> DaemonProcess:
    """A daemon that answers."""
    return make_daemon().start()
