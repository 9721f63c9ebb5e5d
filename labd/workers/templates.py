"""The templates of all plugins: made when a warm worker needs one, kept for the next."""

import logging
from collections.abc import Callable
from functools import partial

import trio

from labd.api.workers import WorkerSpec
from labd.wire.faults import again
from labd.workers import boot, plan
from labd.workers.fork import Forker
from labd.workers.ground import Ground
from labd.workers.template import Key, Template, key_of

MOST_IDLE = 4
"""Templates without a worker that are kept for the next one."""


class Templates:
    """*name* gives each a name of its own, *nursery* is where they live."""

    def __init__(
        self,
        ground: Ground,
        forker: Forker,
        name: Callable[[str], str],
        nursery: Callable[[], trio.Nursery],
    ) -> None:
        self._ground, self._forker, self._name, self._nursery = ground, forker, name, nursery
        self._known: dict[Key, Template] = {}

    def __len__(self) -> int:
        return len(self._known)

    async def find(
        self, plugin: str, spec: WorkerSpec, gpus: tuple[int, ...], log: logging.Logger
    ) -> Template:
        """The one that workers of *spec* are forked from, ready or not yet. Raises WorkerLost."""
        key = key_of(plugin, spec, gpus)
        template = self._known.get(key)
        if template is None or template.fault is not None:
            template = self._known[key] = self._make(plugin, spec, gpus, log)
            self._nursery().start_soon(self._keep, key, template, name=template.name)
        with trio.move_on_after(spec.start_timeout):
            await template.ready.wait()
        if template.fault is not None:
            raise again(template.fault)
        return template

    def part(self, template: Template, *, out_of_hand: bool) -> None:
        """A worker of *template* has ended; *out_of_hand*: its keeper was killed, and not by us."""
        template.users -= 1
        if out_of_hand:
            template.kill()
        idle = [each for each in self._known.values() if not each.users]
        if len(idle) > MOST_IDLE:
            idle[0].kill()

    def _make(self, plugin: str, spec: WorkerSpec, gpus: tuple[int, ...], log: logging.Logger) -> Template:
        command = boot.template(self._ground.python(spec), spec.path, spec.max_message, spec.warm)
        name = self._name(f"template-{plugin}")
        order = plan.template_order(spec, name, command, self._ground.walls(spec, gpus))
        return Template(name, partial(self._forker.request, order), log)

    async def _keep(self, key: Key, template: Template) -> None:
        try:
            await template.run()
        finally:
            if self._known.get(key) is template:
                del self._known[key]
