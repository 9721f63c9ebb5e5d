"""What a change of a plugin consists of, for a dry run. Pure."""

from typing import TypedDict

from labd.daemon.plugin_load import Plug
from labd.daemon.plugins import Found


class Step(TypedDict):
    """One step: what is done to what."""

    do: str
    what: str


def loading(found: Found) -> Step:
    """A plugin comes."""
    return Step(do="load", what=f"plugin {found.name} {found.version}".rstrip())


def ending(plug: Plug | None) -> list[Step]:
    """A plugin goes, if it is there."""
    if plug is None:
        return []
    offer = plug.offer
    gone = [
        *(f"method {method.name}" for method in offer.methods),
        *(f"job kind {kind.name}" for kind in offer.kinds),
        *(f"notifier {notifier.name}" for notifier in offer.notifiers),
        *(f"engine {engine.name}" for engine in offer.engines),
    ]
    stops = [Step(do="stop", what=f"service {service.name}") for service in offer.services]
    return stops + [Step(do="withdraw", what=one) for one in gone]
