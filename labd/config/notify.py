"""The settings of notifications: where they can go, and how often labd tries."""

import re
from typing import Annotated

import msgspec
from msgspec import Meta

from labd.config.annotations import seconds
from labd.config.secrets import Secret

TargetName = Annotated[str, Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]

_WEB = re.compile(r"https?://[!-~]+")

TAKES = {"command": "argv", "webhook": "url", "apprise": "url"}
"""The kinds that labd has, and the setting without which each is nothing."""


class Target(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One place that notifications can go to."""

    kind: Annotated[str, Meta(min_length=1, description="command, webhook, apprise, or a plugin's kind.")]
    argv: Annotated[
        list[str], Meta(description="For command: the program and its arguments; the message is its input.")
    ] = []
    url: Annotated[Secret | None, Meta(description="For webhook and apprise: where the message goes.")] = None
    headers: Annotated[dict[str, Secret], Meta(description="For webhook: further lines of the request.")] = {}
    settings: Annotated[dict[str, str], Meta(description="For the kind of a plugin: what it takes.")] = {}
    timeout: Annotated[
        Annotated[float, seconds(0.1, 600)], Meta(description="How long one try may take.")
    ] = 15.0

    def __post_init__(self) -> None:
        if self.kind in TAKES and not getattr(self, TAKES[self.kind]):
            raise ValueError(f"a target of the kind {self.kind} needs {TAKES[self.kind]}")
        if self.kind == "webhook" and self.url and not _WEB.fullmatch(self.url.reveal()):
            raise ValueError("the url of a webhook begins with https:// or http:// and has no spaces")
        if any(not f"{name}{value.reveal()}".isprintable() for name, value in self.headers.items()):
            raise ValueError("a header has no line breaks and no control characters")


class Notify(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Notifications about jobs: how often labd tries, and one table [notify.targets.NAME] for each target."""

    tries: Annotated[
        Annotated[int, Meta(ge=1, le=1000)],
        Meta(description="How often a notification is tried before it is given up."),
    ] = 12
    retry_delay: Annotated[
        Annotated[float, seconds(0.01, 86_400)],
        Meta(
            description="Time before the second try; it doubles with each further one, to one hour at most."
        ),
    ] = 5.0
    targets: Annotated[
        dict[TargetName, Target], Meta(description="Where notifications can go, by name.")
    ] = {}
