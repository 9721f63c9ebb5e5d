"""What is known of a GPU. Pure."""

from typing import Literal

import msgspec

Health = Literal["ok", "unhealthy", "gone"]


class Device(msgspec.Struct, frozen=True):
    """A GPU, as labd hands it out.

    ``index`` is labd's own, and stays while the machine is up. ``number`` is what its driver calls it now,
    as the job needs it. ``memory`` is bytes, 0 where nobody says. ``why`` it is not well, in words.
    """

    index: int
    number: int
    vendor: str = "fake"
    uuid: str = ""
    name: str = ""
    memory: int = 0
    health: Health = "ok"
    why: str = ""

    @property
    def well(self) -> bool:
        return self.health == "ok"

    @property
    def trouble(self) -> str:
        """``GPU 1 is unhealthy: its driver does not answer``, or an empty string."""
        return "" if self.well else f"GPU {self.index} is {self.health}: {self.why}"


def unknown(index: int) -> Device:
    """A GPU of which nothing is known but that it is there."""
    return Device(index, index)
