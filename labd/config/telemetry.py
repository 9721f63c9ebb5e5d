"""The settings of telemetry: where spans of jobs go."""

import re
from typing import Annotated

import msgspec
from msgspec import Meta

from labd.config.annotations import seconds
from labd.config.secrets import Secret

_WEB = re.compile(r"(https?://[!-~]+)?")


class Telemetry(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Spans of jobs' attempts for an OpenTelemetry collector, as OTLP in JSON over HTTP."""

    endpoint: Annotated[
        str,
        Meta(description='Where a collector listens, as in "http://localhost:4318". Empty: nothing is sent.'),
    ] = ""
    headers: Annotated[dict[str, Secret], Meta(description="Further lines of each request.")] = {}
    timeout: Annotated[
        Annotated[float, seconds(0.1, 600)], Meta(description="How long one request may take.")
    ] = 10.0

    def __post_init__(self) -> None:
        if not _WEB.fullmatch(self.endpoint):
            raise ValueError("the endpoint begins with https:// or http:// and has no spaces")
        if any(not f"{name}{value.reveal()}".isprintable() for name, value in self.headers.items()):
            raise ValueError("a header has no line breaks and no control characters")
