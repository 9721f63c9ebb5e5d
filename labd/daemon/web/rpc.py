"""``/rpc/METHOD``: every method of labd for whoever speaks JSON. Bytes are base64 text, both ways."""

from typing import Any

import msgspec

from labd.api.http import Response
from labd.api.methods import Call
from labd.daemon.dispatch import Dispatcher
from labd.errors import InternalError, NotPermitted, UsageError
from labd.http.refusal import Refusal

LOCAL = frozenset({"http.token"})
"""Methods for the socket alone: who holds one token must not get another, perhaps with more rights."""


class Rpc:
    """The page."""

    def __init__(self, dispatcher: Dispatcher) -> None:
        self._dispatcher = dispatcher

    async def answer(self, request: Any) -> Response:
        """The result of the method, as JSON."""
        method = request.params["method"]
        if method in LOCAL:
            raise NotPermitted(f"{method} is answered on the socket only", hint="labctl http token")
        params = _params(request, await request.body())
        call = Call(request.peer, method, _nowhere, request.connection)
        return _encoded(await self._dispatcher.answer(call, params))


async def _nowhere(method: str, params: dict[str, Any]) -> None:
    """An answer over HTTP comes alone: notices are for the socket."""


def _params(request: Any, body: bytes) -> dict[str, Any]:
    kind = request.headers.get(b"content-type", b"application/json").partition(b";")[0].strip().lower()
    if body and kind != b"application/json":
        hint = "send Content-Type: application/json"
        raise Refusal(415, "the body of a call is JSON", hint=hint, close=False)
    try:
        params = msgspec.json.decode(body or b"{}")
    except (msgspec.DecodeError, RecursionError) as error:
        raise UsageError(f"the body is not JSON: {error}") from None
    if not isinstance(params, dict):
        raise UsageError("the body is not a JSON object", hint="its members are the parameters of the method")
    return params


def _encoded(result: Any) -> Response:
    try:
        body = msgspec.json.encode(result, enc_hook=_plain)
    except (TypeError, ValueError) as error:
        raise InternalError(f"the answer cannot be said in JSON: {error}") from None
    return Response(body, content_type="application/json", headers=(("cache-control", "no-store"),))


def _plain(value: Any) -> Any:
    """numpy arrays as lists."""
    if hasattr(value, "tolist"):
        return value.tolist()
    raise TypeError(f"a value of the type {type(value).__name__} cannot be sent")
