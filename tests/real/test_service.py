"""The units that `labd service install --user` writes, under a real systemd."""

from collections.abc import Iterator

import pytest

from labd.cli.service import place, units
from labd.wire.blocking import Client
from tests.systemd_user import CannotStart, UserManager, user_manager

pytestmark = pytest.mark.real


@pytest.fixture
def systemd() -> Iterator[UserManager]:
    try:
        with user_manager() as manager:
            yield manager
    except CannotStart as reason:
        pytest.skip(str(reason))


def test_the_users_units_start_labd_at_its_socket(systemd: UserManager) -> None:
    config = systemd.folder / "labd.toml"
    config.write_text(f'daemon.state_dir = "{systemd.folder}/s"\n')  # root's usual place is the system's
    config.chmod(0o600)
    for name, text in units.wanted(place.command(str(config)), user=True, multi_user=False).items():
        systemd.write_unit(name, text)
    systemd.systemctl("start", "labd.socket")
    with Client(f"{systemd.folder}/run/labd/labd.sock", 90) as client:  # the call starts the daemon
        status = client.call("daemon.status")
        number = client.call("job.submit", {"spec": {"argv": ["/bin/true"], "cwd": "/tmp"}})["job"]["id"]
        assert client.call("job.wait", {"jobs": [number], "timeout": 60})["jobs"][0]["state"] == "succeeded"
    assert status["state_dir"] == f"{systemd.folder}/s"
    systemd.systemctl("stop", "labd.socket", "labd.service")
