"""Which GPUs there are and how they fare, from what the drivers say time and again. Pure."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import count
from typing import Literal, NamedTuple

import msgspec

from labd.resources.devices import Device, Health, unknown

NVIDIA = "nvidia"
UNASKED = "its driver has not answered yet"
UNLISTED = "its driver does not list it any more"


class Row(msgspec.Struct, frozen=True):
    """A GPU as a driver, or a program in its place, tells of it; or an ``error`` instead."""

    vendor: str = "other"
    number: int | None = None
    uuid: str = ""
    name: str = ""
    memory: int = 0
    trouble: str = ""
    error: str = ""


class Answer(NamedTuple):
    """What was said, and why it may not be all."""

    rows: tuple[Row, ...] = ()
    problem: str = ""


class Change(NamedTuple):
    """A GPU fares otherwise than before."""

    kind: Literal["gpu.unhealthy", "gpu.gone", "gpu.back"]
    device: Device


def read(text: bytes, problem: str = "") -> Answer:
    """The answer in *text*, a JSON map a line; *problem* is why it may not be whole."""
    rows = []
    for line in text.splitlines():
        try:
            row = msgspec.json.decode(line, type=Row)
        except msgspec.MsgspecError as error:
            problem = problem or f"the probe said what is no GPU: {error}"
        else:
            problem = problem or row.error
            rows += [] if row.error else [row]
    return Answer(tuple(rows), problem)


class Inventory:
    """Every GPU that was ever heard of while the machine is up.

    *indices* are those that GPUs had before (by uuid): a GPU keeps its index when another one falls off the
    bus and its driver counts anew, since jobs hold it under that index. *expected* GPUs are surely there,
    though nobody was asked yet.
    """

    def __init__(self, indices: Mapping[str, int] = {}, expected: int = 0) -> None:
        self.indices = dict(indices)
        self._devices = {i: Device(i, i, NVIDIA, health="unhealthy", why=UNASKED) for i in range(expected)}
        self._expected = range(expected)
        self._asked = False

    def devices(self, wanted: Sequence[int] | str, memory: int = 0) -> tuple[Device, ...]:
        """Those to hand out: all that are known (``auto``), none, or those of *wanted*, known or not.

        *memory* (bytes) is that of each GPU whose driver does not say.
        """
        if isinstance(wanted, str):
            chosen = sorted(self._devices) if wanted == "auto" else []
        else:
            chosen = list(wanted)
        found = [self._devices.get(index) or unknown(index) for index in chosen]
        return tuple(d if d.memory else msgspec.structs.replace(d, memory=memory) for d in found)

    def hear(self, answer: Answer) -> list[Change]:
        """Take up what the drivers say now; what is otherwise than before."""
        now = {device.index: device for device in self._listed(answer.rows)}
        for index, device in self._devices.items():
            now.setdefault(index, _missed(device, answer.problem))
        changes = [change for device in now.values() if (change := self._change(device))]
        self._devices, self._asked = now, True
        return changes

    def _listed(self, rows: Iterable[Row]) -> Iterator[Device]:
        counts = Counter[str]()
        for row in rows:
            number = counts[row.vendor] if row.number is None else row.number
            counts[row.vendor] += 1
            health: Health = "unhealthy" if row.trouble else "ok"
            before = None if row.uuid else self._numbered(row.vendor, number)
            if before is not None and row.trouble:  # its driver cannot even say which one it is
                yield msgspec.structs.replace(before, health=health, why=row.trouble)
            else:
                index = self._index(row.uuid or f"{row.vendor} {number}", row.vendor, number)
                yield Device(index, number, row.vendor, row.uuid, row.name, row.memory, health, row.trouble)

    def _numbered(self, vendor: str, number: int) -> Device | None:
        found = (d for d in self._devices.values() if (d.vendor, d.number) == (vendor, number))
        return next(found, None)

    def _index(self, identity: str, vendor: str, number: int) -> int:
        """The index of a GPU. NVIDIA's come first, and are counted as their driver does."""
        if identity not in self.indices:
            taken = set(self.indices.values())
            kept = set() if vendor == NVIDIA else set(self._expected)
            free = next(i for i in count() if i not in taken | kept)
            self.indices[identity] = number if vendor == NVIDIA and number not in taken else free
        return self.indices[identity]

    def _change(self, device: Device) -> Change | None:
        before = self._devices.get(device.index)
        expected = not self._asked and device.index in self._expected
        health = before.health if before is not None else "ok"
        if device.well:
            return Change("gpu.back", device) if health != "ok" and not expected else None
        if device.health == health and not expected:
            return None
        return Change("gpu.gone" if device.health == "gone" else "gpu.unhealthy", device)


def _missed(device: Device, problem: str) -> Device:
    """*device*, of which nothing was said this time."""
    if device.health == "gone":
        return device
    return msgspec.structs.replace(device, health="unhealthy" if problem else "gone", why=problem or UNLISTED)
