"""Settings of a plugin that does not exist, with a field of every kind."""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from labd.config import Bytes, Seconds, Secret

PASSWORD = "hunter2-do-not-print"


class Camera(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    url: str
    every: Seconds = 1.0
    token: Secret | None = None


class FakeSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    token: Annotated[Secret, Meta(description="The key to the platform.")] = Secret("")
    host: str = "localhost"
    port: Annotated[int, Meta(ge=1, le=65_535)] = 1883
    cache: Bytes = 2**20
    colour: Literal["red", "green"] = "red"
    labels: dict[str, str] = {}
    limits: dict[str, Seconds] = {}
    keys: list[Secret] = []
    cameras: list[Camera] = []
    nickname: str | None = None
    main: Camera | None = None

    def __post_init__(self) -> None:
        if self.host == "nowhere":
            raise ValueError("host must be somewhere")
