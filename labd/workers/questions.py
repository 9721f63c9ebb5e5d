"""What a worker's code asks for, and the plugin's methods answer."""

import logging
from collections.abc import Mapping

import trio

from labd.api.workers import Handler
from labd.errors import InternalError, LabdError, NotFound, ProtocolError, UsageError, WorkerLost
from labd.wire.messages import Reply, Request
from labd.wire.session import encode
from labd.workers.outgoing import Outgoing

MOST_ASKED = 16
"""Requests of a worker in work at once; its code asks one at a time, in each of its threads."""


class Questions:
    """Answers the requests of the worker *name* with *methods*."""

    def __init__(
        self, name: str, methods: Mapping[str, Handler], outgoing: Outgoing, log: logging.Logger
    ) -> None:
        self._name, self._methods, self._out, self._log = name, methods, outgoing, log
        self._asked = 0

    def take(self, request: Request, nursery: trio.Nursery) -> None:
        """Answer *request* in *nursery*. Raises ProtocolError for too many at once."""
        self._asked += 1
        if self._asked > MOST_ASKED:
            raise ProtocolError(f"the peer asked {self._asked} things at once")
        nursery.start_soon(self._answer, request)

    async def _answer(self, request: Request) -> None:
        fault, result = None, None
        try:
            handler = self._methods.get(request.method)
            if handler is None:
                raise NotFound(f"the plugin offers no {request.method!r} to worker {self._name}")
            result = await handler(**request.params)
        except LabdError as error:
            fault = error.as_wire()
        except Exception as error:
            self._log.exception("worker %s asked %s, and that failed", self._name, request.method)
            fault = InternalError(f"{request.method}: {type(error).__name__}: {error}").as_wire()
        self._asked -= 1
        try:
            self._out.send(self._out.encoded(Reply(request.id, fault, result)))
        except UsageError as error:
            self._out.send(encode(Reply(request.id, error.as_wire(), None)))
        except WorkerLost:
            pass
