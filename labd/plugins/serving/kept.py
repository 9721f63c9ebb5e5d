"""What is to be served after a restart: a file in the plugin's folder, replaced whole. All of it blocks."""

import os

import msgspec

from labd.api import ModelSpec

NAME = "models.json"


class Kept(msgspec.Struct, forbid_unknown_fields=True):
    """Models that were loaded by command, with each version's spec, and those that were unloaded by one.

    *workers* are of models that were scaled.
    """

    loaded: dict[str, dict[str, ModelSpec]] = {}
    unloaded: list[str] = []
    workers: dict[str, int] = {}


def read(folder: str) -> Kept:
    """What was kept; nothing when there is no file. Raises OSError, msgspec.DecodeError."""
    try:
        with open(os.path.join(folder, NAME), "rb") as file:
            return msgspec.json.decode(file.read(), type=Kept)
    except FileNotFoundError:
        return Kept()


def write(folder: str, kept: Kept) -> None:
    """Keep it; durable on return. Raises OSError, and then nothing changed."""
    path = os.path.join(folder, NAME)
    with open(f"{path}.new", "wb") as file:
        file.write(msgspec.json.encode(kept))
        file.flush()
        os.fsync(file.fileno())
    os.rename(f"{path}.new", path)
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
