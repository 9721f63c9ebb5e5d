"""From a request to an answer: find the method, check who asks and with what, call it."""

import logging
from collections.abc import Callable
from difflib import get_close_matches
from typing import Any

import msgspec
import trio

from labd.api.methods import Call, Method
from labd.daemon.faults import one_line, split
from labd.daemon.params import checked
from labd.errors import Conflict, InternalError, LabdError, NotFound, NotPermitted

log = logging.getLogger("labd.rpc")


class Dispatcher:
    """The table of methods. Names are unique: the first owner keeps one."""

    def __init__(self) -> None:
        self._methods: dict[str, Method] = {}
        self.called: Callable[[str, str, float], None] | None = None
        """Told of each call: the method (``unknown`` for none), ``ok`` or an error's code, the seconds."""

    def add(self, method: Method) -> None:
        """Offer *method*. Raises Conflict when the name is taken."""
        if method.name in self._methods:
            raise Conflict(f"there is a method {method.name} already")
        self._methods[method.name] = method

    def remove(self, name: str) -> None:
        self._methods.pop(name, None)

    @property
    def methods(self) -> list[Method]:
        """Every method there is."""
        return list(self._methods.values())

    def lasts(self, name: str) -> bool:
        """Whether calls of *name* are let end when labd stops."""
        method = self._methods.get(name)
        return method is not None and method.lasts

    def describe(self) -> list[dict[str, Any]]:
        """Every method with its role and the JSON Schema of its parameters, by name."""
        return [
            {
                "name": m.name,
                "doc": m.doc,
                "role": m.role.name.lower(),
                "params": msgspec.json.schema(m.params),
            }
            for m in sorted(self._methods.values(), key=lambda m: m.name)
        ]

    async def answer(self, call: Call, params: dict[str, Any]) -> Any:
        """The result of one call. Raises LabdError, nothing else."""
        if self.called is None:
            return await self._answer(call, params)
        began, code = trio.current_time(), "cancelled"
        try:
            result = await self._answer(call, params)
            code = "ok"
        except LabdError as error:
            code = error.code
            raise
        finally:
            name = call.method if call.method in self._methods else "unknown"
            self.called(name, code, trio.current_time() - began)
        return result

    async def _answer(self, call: Call, params: dict[str, Any]) -> Any:
        try:
            method = self._find(call)
            return await method.handler(call, checked(method.name, params, method.params))
        except LabdError:
            raise
        except BaseException as error:  # a plugin may well raise SystemExit
            passing, fault = split(error)
            if passing is not None or fault is None:
                raise
            log.error("method %s failed", call.method, exc_info=fault)  # noqa: TRY400 - its own part only
            raise InternalError(
                f"{call.method} failed: {one_line(fault)}", hint="the daemon's log has the traceback"
            ) from error

    def _find(self, call: Call) -> Method:
        method = self._methods.get(call.method)
        if method is None:
            near = get_close_matches(call.method, self._methods, 1)
            hint = f"did you mean {near[0]}?" if near else "labctl methods lists what there is"
            raise NotFound(f"there is no method {call.method!r}", hint=hint)
        if call.peer.role < method.role:
            needed, has = method.role.name.lower(), call.peer.role.name.lower()
            raise NotPermitted(
                f"{call.method} needs the role {needed}, {call.peer.name} has {has}",
                hint="an admin grants roles in the section [access] of labd.toml",
            )
        return method


async def cancellable(
    scope: trio.CancelScope, dispatcher: Dispatcher, call: Call, params: dict[str, Any]
) -> Any:
    """The answer, or Conflict when the caller has cancelled the request."""
    with scope:
        return await dispatcher.answer(call, params)
    raise Conflict(f"{call.method} was cancelled by the caller")
