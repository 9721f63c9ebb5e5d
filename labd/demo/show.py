"""The demo itself: start, train, kill, go on, judge, and put everything away."""

import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from labd.demo import janitor, processes
from labd.demo import place as places
from labd.demo.feed import PATIENCE, Feed
from labd.demo.outage import Outage
from labd.demo.place import Place
from labd.demo.private import PrivateDaemon, environment
from labd.demo.runs import SLOTS, Run, Setting, Sweep, settings, time_to_kill
from labd.demo.stop import Stops
from labd.demo.talk import told
from labd.demo.verdict import Death, Facts, Survivor
from labd.demo.views import View
from labd.errors import DeadlineExceeded, LabdError
from labd.wire.blocking import Client

SILENCE = 300.0
"""Seconds without any event after which the demo gives up."""

TICK = 0.1
LIVE = ["queued", "starting", "running"]


class Plan(NamedTuple):
    """What is asked for."""

    runs: int
    epochs: int
    keep: bool


class Demo:
    """One demo. :meth:`run` is its life; :meth:`end` removes what it made, whatever happened before."""

    def __init__(self, plan: Plan, view: View, stops: Stops, environ: Mapping[str, str]) -> None:
        self._plan = plan
        self._view = view
        self._stops = stops
        self._environ = environ
        self.sweep = Sweep()
        self._place: Place | None = None
        self._janitor: subprocess.Popen[bytes] | None = None
        self._daemon: PrivateDaemon | None = None
        self._client: Client | None = None
        self._feed: Feed | None = None
        self._struck: list[int] = []
        self._death: Death | None = None
        self._survivors: list[Survivor] = []
        self._epochs = ["", ""]
        self._up = False

    # -- life ------------------------------------------------------------------------------------

    def run(self) -> Facts:
        """Everything from the first daemon to the last run. Raises LabdError, Stopped."""
        with self._stops.held():
            self._place = places.make()
            self._janitor = janitor.hire(self._place.folder, environment(self._environ))
        self._place.write_config(SLOTS)
        self._daemon = PrivateDaemon(self._place, self._stops, self._environ)
        self._view.story(f"everything is in {self._place.folder}")
        self._start(0)
        self._submit()
        self._until(lambda: time_to_kill(self.sweep) or self.sweep.over)
        if not self.sweep.over:
            self._outage()
            self._until(lambda: self.sweep.over)
        self._view.story("all runs are over")
        return Facts(
            runs=list(self.sweep.runs.values()),
            struck=self._struck,
            death=self._death,
            survivors=self._survivors,
            successor=self._daemon.pid if self._death else 0,
            epochs=(self._epochs[0], self._epochs[1]),
        )

    @property
    def pid(self) -> int:
        """Of the daemon that runs now."""
        return self._daemon.pid if self._daemon else 0

    @property
    def folder(self) -> str:
        return self._place.folder if self._place else ""

    def keep(self) -> str:
        """Leave the daemon and the folder to whoever asked for them; nothing is left that should not be."""
        if self._janitor is not None:
            janitor.dismiss(self._janitor)
        return ""

    def end(self) -> str:
        """Cancel, stop, kill, remove, however far :meth:`run` came; what is still left, or nothing."""
        if self._place is None:
            return ""
        if self._daemon is not None:
            self._cancel_all()
            self._daemon.stop()
        left = processes.end(self._place.folder)  # the janitor too: its arguments name the folder
        if self._janitor is not None:
            self._janitor.communicate()
        pids = ", ".join(str(process.pid) for process in left)
        return f"processes {pids}" if pids else self._place.remove()

    # -- parts -----------------------------------------------------------------------------------

    def _start(self, life: int) -> None:
        daemon, place = self._made()
        self._client = daemon.start()
        self._epochs[life] = str(self._client.hello.get("epoch"))
        self._feed = Feed(place.socket, self.sweep.last)
        self._up = True
        self._view.story(f"daemon started {'again ' * life}(pid {daemon.pid})")

    def _submit(self) -> None:
        for number, setting in enumerate(settings(self._plan.runs), start=1):
            spec = self._spec(setting)
            reply = self._call("job.submit", {"spec": spec, "key": f"demo-{number}"})
            self.sweep.add(reply["job"]["id"], setting)
        self._view.story(f"{self._plan.runs} runs submitted, one core each, for {SLOTS} cores")
        self._view.story("when some are over and two train, the daemon will be killed")

    def _spec(self, setting: Setting) -> dict[str, Any]:
        _, place = self._made()
        argv = [
            sys.executable, "-m", "labd.demo.train", "--rate", f"{setting.rate:g}",
            "--hidden", str(setting.hidden), "--epochs", str(self._plan.epochs),
        ]  # fmt: skip
        env = environment(self._environ) | {"PWD": place.folder}
        return {"argv": argv, "name": setting.name, "cwd": place.folder, "env": env, "cpus": 1, "grace": 1.0}

    def _until(self, done: Callable[[], bool]) -> None:
        """Take events until *done*. Raises DeadlineExceeded after a long silence."""
        heard = time.monotonic()
        assert self._feed is not None, "there is a daemon to listen to"
        while not done():
            event = self._feed.next(TICK)
            if event is not None:
                heard = time.monotonic()
                self._take(event)
            elif time.monotonic() - heard > SILENCE:
                raise DeadlineExceeded(f"nothing has happened for {SILENCE:g} s")
            self._look()

    def _take(self, event: dict[str, Any]) -> None:
        if event["kind"] == "lagged":
            self.sweep.show(self._call("job.list", {"limit": 100})["jobs"])
            return
        run = self.sweep.runs.get(event["data"].get("job"))
        before = run.progress if run else None
        if self.sweep.take(event) is None or run is None:
            return
        self._follow(run)
        if line := told(event, run, before):
            self._view.detail(line)

    def _follow(self, run: Run) -> None:
        """Fetch what the events of a run do not say: its process, and at the end its reports."""
        if run.running and run.progress is not None and not run.pid:
            run.folder = str(self._call("job.show", {"job": run.job})["attempts"][-1]["folder"])
            found = processes.find(f"LABD_RUN_DIR={run.folder}/run\0")
            run.pid = found[0].pid if found else 0
        if run.ended and run.attempt and not run.learning:
            run.finished(self._call("job.reports", {"job": run.job})["reports"])

    def _outage(self) -> None:
        daemon, _ = self._made()
        runs = self.sweep.running
        self._struck = [run.job for run in runs]
        outage = Outage(daemon, self._view.story, self._look)
        self._up = False
        self._death = outage.strike(runs)
        self._start(1)
        self._until(lambda: all(run.adopted or run.ended for run in runs))
        self._survivors = outage.survivors()
        for run, seen in zip(runs, self._survivors, strict=False):
            if seen.after:
                self._view.story(
                    f"run {run.job} went on: the same process ({seen.pid}), attempt {run.attempt}"
                )

    def _look(self) -> None:
        text = f"daemon (pid {self.pid}) is up" if self._up else f"no daemon: pid {self.pid} was killed"
        self._view.look(list(self.sweep.runs.values()), text, self._up)

    def _call(self, method: str, params: dict[str, Any]) -> Any:
        assert self._client is not None, "there is a daemon to ask"
        return self._client.call(method, params, PATIENCE)

    def _made(self) -> tuple[PrivateDaemon, Place]:
        assert self._daemon is not None, "run() made it"
        assert self._place is not None, "run() made it"
        return self._daemon, self._place

    def _cancel_all(self) -> None:
        """Ask for the end of all jobs, those that wait first; what does not obey is killed afterwards."""
        try:
            with self._made()[0].connect(3.0) as client:
                jobs = [job["id"] for job in client.call("job.list", {"states": LIVE, "limit": 100})["jobs"]]
                for job in jobs:
                    client.call("job.cancel", {"job": job, "reason": "the demo was stopped"})
                if jobs:
                    client.call("job.wait", {"jobs": jobs, "timeout": 3.0}, 4.0)
        except (LabdError, OSError):
            return  # there is no daemon, or the job ended just now
