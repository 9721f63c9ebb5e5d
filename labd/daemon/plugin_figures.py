"""How one plugin fares, in the words and numbers of ``labctl plugins``. Pure."""

import inspect
from collections.abc import Iterable
from typing import Any

from labd.api.hookspecs import LabdHooks
from labd.daemon.boundary import Tally
from labd.daemon.plugin_check import HOOKS
from labd.daemon.plugin_record import PluginRecord

Described = dict[str, Any]

_OF_A_SERVICE = ("name", "state", "since", "restarts", "last_error")


def describe(record: PluginRecord, services: list[Described], tally: Tally, *, trace: bool) -> Described:
    """The plugin as it travels; keys are only ever added. One whose service gave up is ``broken``."""
    gone = [service for service in services if service["state"] == "failed"]
    broken = {"state": "broken", "error": _gave_up(gone[0])} if record.loaded and gone else {}
    return (
        record.describe()
        | broken
        | {
            "services": [{key: service[key] for key in _OF_A_SERVICE} for service in services],
            "restarts": sum(service["restarts"] for service in services),
            "faults": tally.faults,
            "last_fault": tally.last_fault,
            "stalls": tally.stalls,
            "worst_stall": round(tally.worst_stall, 4),
            "trace": trace,
        }
    )


def hooks(records: Iterable[PluginRecord]) -> list[Described]:
    """Every hook: name, signature, doc, and the loaded plugins that implement it."""
    loaded = [record for record in records if record.loaded]
    return [
        {
            "name": name,
            "signature": _signature(name),
            "doc": inspect.getdoc(getattr(LabdHooks, name)) or "",
            "plugins": [record.name for record in loaded if name in record.hooks],
        }
        for name in HOOKS
    ]


def _signature(name: str) -> str:
    found = inspect.signature(getattr(LabdHooks, name))
    given = [one for one in found.parameters.values() if one.name != "self"]
    return f"{name}{found.replace(parameters=given)}".replace("'", "")


def _gave_up(service: Described) -> str:
    count = service["restarts"]
    restarts = f"{count} restart{'' if count == 1 else 's'}"
    return f"service {service['name']} gave up after {restarts}: {service['last_error']}"
