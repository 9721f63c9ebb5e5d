"""A terminal interface over a link that is made up: canned answers, a clock that stands still."""

import asyncio
import struct
import time
from collections.abc import Awaitable, Callable
from typing import Any

from labd.errors import Conflict, NotFound
from labd.tui.app import LabdApp
from labd.tui.panels import Contained
from labd.tui.settings import Settings
from labd.tui.store import LinkState, Store

USUAL = Settings()
NOW = 1_800_000_000.0
PATIENCE = 10.0
"""Seconds for what a loaded machine does late."""

SIZES = ((80, 24), (200, 60))
GIB = 2**30
LOG = b"".join(b"step %d of the training\n" % number for number in range(5000))


def job(number: int, state: str = "queued", **more: Any) -> dict[str, Any]:
    """A job as the daemon describes it."""
    return {
        "id": number,
        "name": f"train-{number}",
        "kind": "command",
        "state": state,
        "user": "ada",
        "uid": 1000,
        "priority": 0,
        "argv": ["python", "train.py"],
        "cwd": "/home/ada",
        "cpus": 2.0,
        "memory": 4 * GIB,
        "gpus": 0,
        "gpu_ids": [],
        "vram": 0,
        "group": "",
        "tags": [],
        "attempt": int(state != "queued"),
        "submitted": NOW - 600,
        "started": NOW - 300 if state != "queued" else None,
        "ended": NOW - 60 if state in ("succeeded", "failed") else None,
        "exit_code": {"succeeded": 0, "failed": 3}.get(state),
        "signal": None,
        "reason": "",
        "progress": None,
        "metrics": {},
        "eta": None,
        "waiting_for": "",
        "tasks": None,
        "after": [],
    } | more


JOBS = [
    job(
        7,
        "running",
        name="resnet",
        progress=0.42,
        eta=400.0,
        metrics={"loss": 0.25, "accuracy": 0.91},
        gpus=1,
        gpu_ids=[0],
    ),
    job(6, "running", name="array", tasks={"waiting": 5, "running": 1, "succeeded": 4, "failed": 0}),
    job(5, waiting_for="2 cores (0 free)", group="sweep"),
    job(4, waiting_for="2 cores (0 free)", group="sweep", user="bob", priority=3),
    job(3, "held", attempt=0, started=None),
    job(2, "failed", name="bad", reason="exit code 3"),
    job(1, "succeeded", name="good"),
]
ATTEMPT = {
    "number": 1,
    "state": "running",
    "cause": "submitted",
    "gpu_ids": [0],
    "started": NOW - 300,
    "ended": None,
    "seconds": None,
    "exit_code": None,
    "signal": None,
    "reason": "",
    "user_seconds": 12.0,
    "system_seconds": 1.0,
    "max_rss": GIB,
    "peak_memory": 2 * GIB,
    "folder": "/s/7.1",
    "log": "/s/7.1/out.log",
}
SERVICES = [
    {
        "name": "store",
        "owner": "labd",
        "state": "ready",
        "since": NOW - 3600,
        "restarts": 0,
        "critical": True,
        "last_error": "",
    },
    {
        "name": "poller",
        "owner": "dice",
        "state": "backoff",
        "since": NOW - 5,
        "restarts": 3,
        "critical": False,
        "last_error": "OSError: no dice",
    },
]
STATUS = {
    "labd": "0.1.0",
    "uptime": 3600.0,
    "jobs": {"running": 2, "queued": 2, "held": 1, "failed": 1, "succeeded": 1},
    "services": SERVICES,
    "trouble": [],
    "resources": {
        "cores": 8.0,
        "cores_held": 4.0,
        "memory": 32 * GIB,
        "memory_held": 8 * GIB,
        "gpus": [0, 1],
        "gpus_held": {},
        "devices": [
            {"index": 0, "memory": 80 * GIB, "held": [{"holder": "job 7", "share": 1.0, "memory": 80 * GIB}]},
            {"index": 1, "memory": 80 * GIB, "held": [], "trouble": "Xid 79"},
        ],
    },
}


def plugin(name: str, state: str = "loaded", **more: Any) -> dict[str, Any]:
    """A plugin as the daemon describes it."""
    return {
        "name": name,
        "version": "1.0",
        "distribution": f"labd-{name}",
        "api": 1,
        "module": f"labd_{name}",
        "hooks": ["labd_methods"],
        "names": [name],
        "state": state,
        "error": "",
        "services": [],
        "restarts": 0,
        "faults": 0,
        "last_fault": "",
        "stalls": 0,
        "worst_stall": 0.0,
        "trace": False,
    } | more


def a_map(number: int, state: str, failed: int, total: int = 100) -> dict[str, Any]:
    """A map as the daemon describes it."""
    return {
        "id": number,
        "name": f"map-{number}",
        "function": "m:f",
        "state": state,
        "user": "ada",
        "total": total,
        "succeeded": 40,
        "failed": failed,
        "in_work": 2,
        "repeated": 0,
        "workers": 2,
        "rate": 3.5,
        "eta": 20.0,
        "created": NOW - 60,
        "ended": None,
        "reason": "",
        "error": None,
    }


def event(seq: int, kind: str, cause: str = "", **data: Any) -> dict[str, Any]:
    """An event as it travels."""
    return {"seq": seq, "time": NOW - 100 + seq, "kind": kind, "actor": "labd", "cause": cause, "data": data}


EVENTS = [
    event(1, "daemon.started", pid=1, labd="0.1.0", epoch="e"),
    event(2, "job.submitted", job=7),
    event(3, "job.started", job=7, attempt=1),
    event(4, "job.failed", "exit code 3", job=2, attempt=1),
    event(5, "service.backoff", "OSError: no dice", name="poller", owner="dice"),
]
BOUNDS = [0.001, 0.01, 0.1]


def model(name: str, state: str = "ready", **more: Any) -> dict[str, Any]:
    """A version of a model as the daemon describes it."""
    return {
        "name": name, "version": "1", "state": state, "reason": "", "platform": "python",
        "inputs": [{"name": "x", "datatype": "FP32", "shape": [-1, 2]}],
        "outputs": [{"name": "y", "datatype": "FP32", "shape": [-1, 1]}],
        "max_batch_size": 16, "workers": 2, "ready_workers": 2, "newest": True, "pipeline": [],
        "streaming": False,
    } | more  # fmt: skip


def counted(name: str, requests: int, latency: list[int] | None = None, **more: Any) -> dict[str, Any]:
    """A version of a model in numbers."""
    counts = latency or [0, requests, 0, 0]
    durations = {"count": sum(counts), "seconds": 1.0, "bounds": BOUNDS, "counts": counts}
    worker = {"name": f"{name}-1", "pid": 77, "state": "busy", "device": 0, "batches": 40, "items": requests,
              "restarts": 1, "busy_seconds": 12.0}  # fmt: skip
    return {
        "name": name, "version": "1", "requests": requests, "succeeded": requests, "failed": 2, "expired": 1,
        "cancelled": 0, "refused": 3, "refusals": {"overloaded": 3}, "cached": 0, "batches": 40, "split": 0,
        "retried": 1, "rows": requests, "bytes_in": 0, "bytes_out": 0, "queued": 4, "queued_bytes": 64,
        "oldest": 0.02, "in_flight": 2, "last": 0.0, "latency": durations, "waiting": durations,
        "computing": durations, "batch_sizes": {1: 30, 4: 10}, "released": {"idle": 39, "full": 1},
        "workers": [worker], "custom": {"score": 0.9},
    } | more  # fmt: skip


FAILURE = b'{"index":3,"error":{"type":"ValueError","message":"no 3","traceback":"Traceback: no 3"}}\n'


class FakeLink:
    """Answers from tables, and remembers what it was asked. Raise *refusal* to refuse the next change."""

    def __init__(self, store: Store, wake: Callable[[], None]) -> None:
        self.store, self.wake = store, wake
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.refusal: Conflict | None = None
        self.jobs = list(JOBS)
        self.artifacts = [{"name": "model", "path": "/home/ada/model.pt", "size": 1024}]
        self.serving: list[dict[str, Any]] | None = [
            model("digits"),
            model("old", "failed", reason="no weights"),
        ]

    async def run(self) -> None:
        """Be up, with everything loaded, for ever."""
        store = self.store
        store.put("status", STATUS)
        store.put(
            "plugins",
            [
                plugin("dice", "broken", error="service poller failed"),
                plugin("off", "disabled"),
                plugin("fanout"),
            ],
        )
        store.put_maps([a_map(2, "running", 0), a_map(1, "failed", 2)])
        store.put_jobs(self.jobs)
        store.put_queue([one for one in self.jobs if one["state"] in ("queued", "held")])
        store.put_events(EVENTS)
        store.linked(LinkState(True, connections=1))
        self.wake()
        await asyncio.Event().wait()

    async def call(
        self, method: str, params: dict[str, Any] | None = None, timeout: float | None = None
    ) -> Any:
        self.calls.append((method, params or {}))
        if self.refusal is not None:
            raise self.refusal
        answer = getattr(self, method.replace(".", "_"), None)
        return answer(params or {}) if answer is not None else {}

    answered = call

    def refresh(self) -> None:
        self.calls.append(("refresh", {}))

    def took(self, method: str) -> list[dict[str, Any]]:
        """The parameters of the calls of a method."""
        return [params for name, params in self.calls if name == method]

    # -- answers ---------------------------------------------------------------------------------

    def job_show(self, ask: dict[str, Any]) -> dict[str, Any]:
        found = next((one for one in self.jobs if one["id"] == ask["job"]), None)
        if found is None:
            raise NotFound(f"there is no job {ask['job']}")
        code = {
            "files": 12,
            "root": "/home/ada/code",
            "commit": "abcdef0123456789",
            "branch": "main",
            "diff": "x",
            "remote": "origin",
        }
        return {
            "job": found,
            "attempts": [ATTEMPT],
            "artifacts": self.artifacts,
            "env": {"HOME": "/home/ada"},
            "script": None,
            "code": code,
        }

    def job_why(self, ask: dict[str, Any]) -> dict[str, Any]:
        held = {"holder": "job 7 (resnet)", "cpus": 2.0, "memory": GIB, "gpu_ids": [0], "ends": NOW + 60}
        return {"job": {}, "reasons": ["job 5 waits for 2 cores; 0 are free"], "held_by": [held]}

    def job_tasks(self, ask: dict[str, Any]) -> dict[str, Any]:
        return {
            "tasks": [job(61, "running", array=6, index=0)],
            "untouched": [{"first": 5, "last": 9, "count": 5, "state": "queued"}],
        }

    def job_submit(self, ask: dict[str, Any]) -> dict[str, Any]:
        return {"job": {"id": 8, "name": ask["spec"]["name"]}, "created": True}

    def job_log(self, ask: dict[str, Any]) -> dict[str, Any]:
        start = max(len(LOG) + ask["offset"], 0) if ask["offset"] < 0 else ask["offset"]
        data = LOG[start : start + ask["limit"]]
        return {"data": data, "offset": start + len(data), "size": len(LOG), "end": True, "attempt": 1}

    def job_metrics(self, ask: dict[str, Any]) -> dict[str, Any]:
        steps = list(range(50))
        series = {"steps": steps, "times": [NOW + n for n in steps], "values": [1 / (n + 1) for n in steps]}
        return {"attempt": 1, "names": ["loss"], "series": {"loss": series, "accuracy": series}}

    def model_list(self, ask: dict[str, Any]) -> dict[str, Any]:
        if self.serving is None:
            raise NotFound("there is no method model.list")
        return {"models": self.serving}

    def model_stats(self, ask: dict[str, Any]) -> dict[str, Any]:
        return {"models": [counted(one["name"], 300) for one in self.serving or ()]}

    def model_infer(self, ask: dict[str, Any]) -> dict[str, Any]:
        data = struct.pack("<f", 0.5)
        return {"version": "1", "outputs": [{"name": "y", "datatype": "FP32", "shape": [1, 1], "data": data}]}

    def map_results(self, ask: dict[str, Any]) -> dict[str, Any]:
        data = FAILURE[ask["offset"] :]
        return {"data": data, "offset": len(FAILURE), "ended": True}

    def plugin_config(self, ask: dict[str, Any]) -> dict[str, Any]:
        return {"plugin": ask["plugin"], "settings": [{"key": "sides", "value": 6}]}


class Run:
    """A running interface, for a test."""

    def __init__(self, app: LabdApp, pilot: Any) -> None:
        self.app, self.pilot = app, pilot

    @property
    def link(self) -> FakeLink:
        link: Any = self.app.link
        return link  # type: ignore[no-any-return]

    @property
    def notes(self) -> list[str]:
        """What the interface has said so far."""
        return [note.message for note in self.app._notifications]

    async def press(self, *keys: str) -> None:
        """Press keys, and wait until what follows is done."""
        await self.pilot.press(*keys)
        await self.settle()

    async def type(self, text: str) -> None:
        """Type *text* into the line that has the focus, all at once."""
        self.app.focused.insert_text_at_cursor(text)  # type: ignore[union-attr]
        await self.settle()

    async def settle(self) -> None:
        """Wait for the picture."""
        await self.pilot.pause()

    async def until(self, condition: Callable[[], object]) -> None:
        """Wait until something is true."""
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            if condition():
                return
            await asyncio.sleep(0.01)
        raise AssertionError(f"it did not come true; the screen:\n{self.text()}")

    async def still(self) -> None:
        """Wait until the picture does not change any more."""
        before, same = "", 0
        while same < 4:
            await asyncio.sleep(0.02)
            await self.pilot.pause()
            now = self.text()
            same, before = (same + 1 if now == before else 0), now

    async def sees(self, *texts: str) -> None:
        """Wait until all of *texts* are on the screen."""
        await self.until(lambda: all(text in self.text() for text in texts))

    def text(self) -> str:
        """The screen as plain text."""
        return "\n".join(strip.text.rstrip() for strip in self.app.screen._compositor.render_strips())


Test = Callable[[Run], Awaitable[None]]


def drive(
    test: Test,
    first: str = "jobs",
    size: tuple[int, int] = (100, 30),
    settings: Settings = USUAL,
    panels: list[Contained] | None = None,
) -> None:
    """Run *test* on an interface that begins with the page *first*; no mistake of ours may show."""

    async def run() -> None:
        app = LabdApp(FakeLink, settings, first=first, clock=lambda: NOW, find_panels=lambda: panels or [])  # type: ignore[arg-type]
        async with app.run_test(size=size) as pilot:
            one = Run(app, pilot)
            await one.until(lambda: app.store.link.up)
            await one.settle()
            await test(one)
            await pilot.pause()
        assert not app.faults

    asyncio.run(run())
