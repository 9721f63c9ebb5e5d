"""Workers as a plugin of a real daemon has them."""

import getpass

import pytest

from labd.errors import WorkerLost
from tests.daemon_process import carrying
from tests.real.plugin import install
from tests.support import wait_until
from tests.workers.house import FOLDER

pytestmark = pytest.mark.real

PLUGIN = """
import msgspec, trio
from labd.api import Method, Role, Service, WorkerSpec, hookimpl

SPEC = WorkerSpec(target="foreign", path=({folder!r},), user={user!r}, cpus=1, env={{"MARK": {mark!r}}})

class Ask(msgspec.Struct):
    method: str
    params: dict = {{}}

class Pool:
    async def run(self, *, task_status):
        async with self.node.workers.keep(1, SPEC) as self.pool:
            task_status.started()
            await trio.sleep_forever()

pool = Pool()

@hookimpl
def labd_services(node):
    pool.node = node
    return Service("pooled", pool.run)

@hookimpl
def labd_methods(node):
    async def ask(call, ask):
        return {{"answer": await pool.pool.call(ask.method, **ask.params)}}
    return Method("pooled.ask", ask, Ask, Role.SUBMIT, "Ask the model.")
"""


def test_a_plugin_runs_a_pool_whose_workers_are_replaced_and_go_with_the_daemon(make_daemon):
    daemon = make_daemon()
    mark = f"marked-{daemon.folder}"
    install(daemon, "pooled", PLUGIN.format(folder=FOLDER, user=getpass.getuser(), mark=mark))
    daemon.start()

    def ask(method, **params):
        return daemon.call("pooled.ask", {"method": method, "params": params})["answer"]

    assert ask("add", a=1, b=2) == 3
    assert daemon.call("daemon.status")["resources"]["cores_held"] == 1
    with pytest.raises(WorkerLost, match="exit code 3"):
        ask("leave", code=3)
    assert ask("add", a=2, b=2) == 4
    assert daemon.until_event("worker.lost")["data"]["reason"] == "it left with exit code 3"
    assert "sandbox" in daemon.labctl("doctor").stdout
    daemon.kill()
    wait_until(lambda: not carrying(mark))
