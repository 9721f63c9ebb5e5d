"""Requests of the protocol to requests for a model, and back; it knows no connection."""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import msgspec

from labd.api import Answer, Inference, LabdError, Models, Overloaded, Tensor, Ticket
from labd.http.refusal import Refusal, status_of
from labd.plugins.serving_http.oip import answer, request
from labd.plugins.serving_http.oip.answer import Output
from labd.plugins.serving_http.oip.datatypes import Bytes
from labd.plugins.serving_http.oip.refusals import bad
from labd.plugins.serving_http.oip.request import Asked
from labd.plugins.serving_http.oip.shared import Regions

HEAD = b"inference-header-content-length"
TIMEOUT = b"labd-timeout"
JSON = b"content-type: application/json\r\n"
BINARY = b"content-type: application/octet-stream\r\ninference-header-content-length: %d\r\n"

MOST = 86_400.0
"""Seconds that a request may wait at most."""


class Said(NamedTuple):
    """What is sent to a client: *fields* are whole lines of the head."""

    status: int
    fields: bytes
    parts: Sequence[Bytes]


class Where(NamedTuple):
    """What the head of a request says, the same for all that a client repeats."""

    model: str
    version: str
    client: str
    length: int | None
    timeout: float | None


def where(model: str, version: str, client: str, headers: Mapping[bytes, bytes]) -> Where:
    """What *headers* say of a request for *model*. Raises Refusal."""
    coding = headers.get(b"content-encoding", b"identity").lower()
    if coding != b"identity":
        raise Refusal(415, f"labd does not unpack {coding.decode('latin-1')[:40]} bodies", close=False)
    return Where(
        model, version, client, request.head_length(headers.get(HEAD)), _seconds(headers.get(TIMEOUT))
    )


def _seconds(value: bytes | None) -> float | None:
    if value is None:
        return None
    try:
        found = float(value)
    except ValueError:
        found = -1.0
    if not 0 < found <= MOST:
        raise bad(f"labd-timeout is {value[:40].decode('latin-1')!r}, not seconds", hint="as in 0.5")
    return found


class Desk:
    """Asks *models*, which is looked up anew for each request, as models come and go with their plugin."""

    def __init__(self, models: Callable[[], Models], regions: Regions) -> None:
        self.models, self.regions = models, regions

    def submit(self, place: Where, body: Bytes, arrived: float, reply: Callable[[Said], None]) -> Ticket:
        """Ask a model; *reply* is called once, later. Raises LabdError for what is known at once."""
        asked, wanted = self.read(place, body, arrived)
        ticket: Ticket | None = None

        def done(outcome: Answer | LabdError) -> None:
            if isinstance(outcome, LabdError):
                reply(refused(outcome))
                return
            if not outcome.final and ticket is not None:
                ticket.cancel()
            reply(self.written(asked, outcome))

        ticket = self.models().submit(wanted, done)
        return ticket

    def read(self, place: Where, body: Bytes, arrived: float) -> tuple[Asked, Inference]:
        """What *body* asks for. Raises LabdError."""
        asked = self._asked(place, body)
        tensors = tuple(
            [
                Tensor(
                    one.name, one.datatype.name, one.shape, self._data(one) if one.data is None else one.data
                )
                for one in asked.inputs
            ]
        )
        for want in asked.outputs:
            if want.region is not None:
                self.regions.check(want.region)
        return asked, Inference(
            model=place.model,
            tensors=tensors,
            version=place.version,
            id=asked.id,
            parameters=asked.parameters,
            timeout=_least(place.timeout, asked.timeout),
            arrived=arrived,
            priority=asked.priority,
            outputs=tuple([want.name for want in asked.outputs]),
            client=place.client,
        )

    def written(self, asked: Asked, outcome: Answer) -> Said:
        """The answer that a client gets. Never raises."""
        try:
            outputs = [Output(one.name, one.dtype, one.shape, one.data) for one in outcome.tensors]
            made = answer.write(outcome.model, outcome.version, asked, outputs)
            for region, data in made.stored:
                self.regions.write(region, data)
        except LabdError as error:
            return refused(error)
        if made.binary:
            return Said(200, BINARY % len(made.head), [made.head, *made.tensors])
        return Said(200, JSON, [made.head])

    def _asked(self, place: Where, body: Bytes) -> Asked:
        if place.length != 0:
            return request.read(body, place.length)
        view = self.models().metadata(place.model, place.version)
        if len(view.inputs) != 1:
            raise bad(
                f"model {view.name} has {len(view.inputs)} inputs that it names, a raw body is one",
                hint="a head in JSON before the tensors names them",
            )
        only = view.inputs[0]
        return request.raw(body, only.name, only.datatype, only.shape)

    def _data(self, one: request.Input) -> bytearray:
        assert one.region is not None, "data is somewhere"
        data = self.regions.read(one.region)
        request.checked(one.name, one.datatype, one.shape, data)
        return data


def _least(one: float | None, other: float) -> float | None:
    if not other:
        return one
    return other if one is None else min(one, other)


def refused(error: LabdError) -> Said:
    """What a client of the protocol is told in place of an answer."""
    status, fields = status_of(error), JSON
    if status in (429, 503):
        wait = error.data.get("retry_after", 1) if isinstance(error, Overloaded) else 1
        fields += b"retry-after: %d\r\n" % max(1, round(wait))
    return Said(status, fields, [msgspec.json.encode({"error": explained(error)})])


def explained(error: LabdError) -> str:
    """An error in one line, and what to do next."""
    return f"{error.message} ({error.hint})" if error.hint else error.message
