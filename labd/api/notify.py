"""What a plugin's way to send notifications is."""

from collections.abc import Awaitable, Callable
from typing import Any

import msgspec


class NoSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The settings of a notifier that has none."""


class Notifier(msgspec.Struct, frozen=True):
    """A way to deliver notifications: what ``kind = "NAME"`` means in ``[notify.targets.*]``.

    ``send`` is ``send(settings, message)``. An ``async def`` runs on the loop and must not hold it; a
    plain function runs in a thread. ``settings`` is the target's ``settings`` table as an instance of the
    :class:`msgspec.Struct` type *settings*; ``message`` is the map that a webhook gets. To return means
    delivered, to raise means that it is tried again, later. A message may come twice, with the same
    ``id``. Since API 1.
    """

    name: str
    send: Callable[[Any, dict[str, Any]], Awaitable[None] | None]
    settings: type[msgspec.Struct] = NoSettings
    doc: str = ""
