"""A plugin that holds the loop is named. R29."""

from collections.abc import Callable

import pytest

from tests.daemon_process import DaemonProcess
from tests.real.plugin import install

pytestmark = pytest.mark.real

HOG = """
    import time
    import trio
    from labd.api import Service, hookimpl


    @hookimpl
    def labd_services(node):
        async def run(*, task_status):
            task_status.started()
            await trio.sleep(0.1)
            time.sleep(0.25)
            await trio.sleep_forever()

        return Service("hog-service", run)
"""


def test_r29_a_plugin_that_holds_the_loop_is_named_with_the_time_it_took(
    make_daemon: Callable[..., DaemonProcess],
) -> None:
    daemon = make_daemon()
    install(daemon, "hog", HOG)
    daemon.start()
    stalled = daemon.until_event("daemon.stalled")
    found = [e["data"] for e in daemon.events("daemon.stalled") if "plugin hog" in e["data"]["task"]]
    assert found, stalled
    assert "hog-service" in found[0]["task"]
    assert 0.2 < found[0]["seconds"] < 10
    status = daemon.call("daemon.status")
    assert status["stalls"]["stalls"] >= 1
    assert "hog" in daemon.log()
