import sqlite3, trio, pytest
from labd.store import Store, connect
from labd.jobs.queue import Queue
from labd.jobs.clock import SystemClock
from labd.daemon.healing import Healer
from labd.daemon.events import Bus
from labd.api.jobs import JobSpec
from labd.api.methods import Peer, Role
from labd.errors import StoreUnavailable

class Weak(sqlite3.Connection):
    fails = False
    def execute(self, sql, *p):
        if Weak.fails and sql.startswith("COMMIT"):
            e = sqlite3.OperationalError("database or disk is full"); e.sqlite_errorcode = sqlite3.SQLITE_FULL
            raise e
        return super().execute(sql, *p)

pytestmark = pytest.mark.real
async def test_race(nursery, tmp_path):
    store = Store.open(str(tmp_path/"labd.db"), make=lambda path: connect.writer(path, Weak))
    await nursery.start(store.run)
    async def older(a,b): return []
    bus = Bus(0, older)
    queue = Queue(store, bus, SystemClock())
    queue.load()
    await nursery.start(Healer(store, queue.load, lambda c,s: None).run)
    peer = Peer(pid=1, uid=0, gid=0, name="root", role=Role.ADMIN)
    accepted = {}
    errors = []
    stop = False
    async def client(n):
        i = 0
        while not stop:
            i += 1
            try:
                job, created = await queue.submit(JobSpec(argv=(f"{n}-{i}",)), peer, f"{n}-{i}")
                assert job.spec.argv == (f"{n}-{i}",)
                accepted[f"{n}-{i}"] = job.id
            except StoreUnavailable:
                await trio.sleep(0)
            except BaseException as e:
                if isinstance(e, trio.Cancelled): raise
                errors.append(repr(e))
                await trio.sleep(0)
    async with trio.open_nursery() as clients:
        for n in range(5): clients.start_soon(client, n)
        for _ in range(4):
            await trio.sleep(.1); Weak.fails = True
            await trio.sleep(.1); Weak.fails = False
            await trio.sleep(.4)
        stop = True
    missing = [k for k in accepted if k not in {j.key for j in store.read(__import__("labd.jobs.table",fromlist=["x"]).live_jobs)}]
    dead = set(accepted.values()) - set(queue.live)
    print(len(accepted), "errors", len(errors), errors[:3], "missing", len(missing), "accepted but not in memory", len(dead))
    assert not errors and not missing and not dead
