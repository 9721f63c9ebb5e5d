"""What workers stand on: the levels of isolation and the interpreters of this machine, each asked once."""

import os
from collections.abc import Callable

import trio

from labd.api.workers import WorkerSpec
from labd.workers import boot, interpreter, plan, probing, sandbox
from labd.workers.interpreter import Interpreter


class Ground:
    """*probe* says which sandboxes there are. What :meth:`check` let pass can be asked for the rest."""

    def __init__(self, probe: Callable[[], sandbox.Levels] = probing.probe) -> None:
        self._probe = probe
        self._levels: sandbox.Levels | None = None
        self._pythons: dict[tuple[str, str], Interpreter] = {}

    async def check(self, spec: WorkerSpec) -> None:
        """Raises UsageError for a wrong spec, Refused for what this machine cannot do."""
        plan.check(spec)
        if self._levels is None:
            self._levels = await trio.to_thread.run_sync(self._probe)
        user = plan.user(spec)
        self._levels.need(spec, root=user is None and os.getuid() == 0)
        if (spec.python, spec.user) not in self._pythons:
            named = spec.python and user  # our own is trusted; whether they may run it, its start tells
            who = (user["uid"], user["gid"], tuple(user["groups"])) if named and user else None
            found = await trio.to_thread.run_sync(interpreter.ask, spec.python, who)
            self._pythons[spec.python, spec.user] = found

    def python(self, spec: WorkerSpec) -> str:
        """The interpreter of *spec*."""
        return self._pythons[spec.python, spec.user].python

    def wrapped(self, spec: WorkerSpec) -> bool:
        """Whether bubblewrap stands between such a worker and its keeper."""
        return self._known.by(spec.sandbox) == "bubblewrap"

    def walls(self, spec: WorkerSpec, gpus: tuple[int, ...]) -> sandbox.Walls:
        """The walls of a worker, or template, that has *gpus*."""
        return sandbox.wrap(self._known, spec, self._pythons[spec.python, spec.user], boot.PACKAGES, gpus)

    @property
    def _known(self) -> sandbox.Levels:
        assert self._levels is not None
        return self._levels
