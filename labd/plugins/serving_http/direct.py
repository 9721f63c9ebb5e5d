"""Inference without a task for each request: what a reactor answers by itself."""

import re
from collections.abc import Callable
from functools import partial
from typing import Any

from labd.api import LabdError, Peer, Role
from labd.http import target
from labd.http.lane import Ask, Handler
from labd.http.parser import Head
from labd.plugins.serving_http.desk import Desk, Said, Where, refused, where

PATH = re.compile(r"/v2/models/([^/]+)(?:/versions/([^/]+))?/infer")
ROUTE = "/v2/models/{model}/infer"

Authenticate = Callable[[Head, Any], Peer | None]


class Direct:
    """Whether a request is one for inference by somebody who may, and how it is answered."""

    def __init__(self, desk: Desk, authenticate: Authenticate) -> None:
        self._desk, self._authenticate = desk, authenticate

    def __call__(self, head: Head, origin: Any) -> Handler | None:
        """What answers *head*; None for all that is something else, or out of the ordinary."""
        if head.method != "POST" or head.expects:
            return None
        found = PATH.fullmatch(target.read(head.method, head.target).path)
        if found is None or b"origin" in head.headers:
            return None
        host = target.host_name(head.headers.get(b"host", b"localhost"))
        if host != "localhost" and not target.is_address(host):
            return None
        peer = self._authenticate(head, origin)
        if peer is None or peer.role < Role.SUBMIT:
            return None
        try:
            place = where(found[1], found[2] or "", peer.name, head.headers)
        except LabdError as error:
            return partial(_refuse, error)
        return partial(self._serve, place)

    def _serve(self, place: Where, ask: Ask) -> None:
        ask.route = ROUTE

        def reply(said: Said) -> None:
            ask.answer(said.status, said.fields, said.parts)

        try:
            ticket = self._desk.submit(place, ask.body, ask.began, reply)
        except LabdError as error:
            reply(refused(error))
        else:
            if not ask.status:
                ask.gone = ticket.cancel


def _refuse(error: LabdError, ask: Ask) -> None:
    ask.route = ROUTE
    said = refused(error)
    ask.answer(said.status, said.fields, said.parts)
