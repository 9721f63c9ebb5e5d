"""A reload takes up what it can, and names what it cannot."""

import pytest

from labd.errors import ConfigError, Refused
from tests.daemon_process import DaemonProcess

pytestmark = pytest.mark.real


def test_a_reload_counts_at_once_or_says_that_it_needs_a_restart(daemon: DaemonProcess) -> None:
    daemon.config.write_text(
        "[daemon]\nstall_limit = 0.000001\n"
        "[jobs]\nmax_cpus_per_user = 1\n"
        "[store]\nsnapshots_kept = 9\n[plugins]\ndisabled = ['hello']\n[plugins.other]\nx = 1\n"
    )
    with pytest.raises(ConfigError, match="stall_limit"):
        daemon.call("daemon.reload")
    daemon.config.write_text(daemon.config.read_text().replace("0.000001", "0.001"))
    waiting = daemon.call("daemon.reload")["needs_restart"]
    assert waiting == ["store.snapshots_kept"]
    with pytest.raises(Refused, match="the limit of 1 core for one user"):
        daemon.submit("true", cpus=2)
