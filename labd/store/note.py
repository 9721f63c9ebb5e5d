"""What was done to a damaged database: kept as a note beside it, so that no restart forgets to say it."""

import os

import msgspec

from labd.store import durable


class Repair(msgspec.Struct, frozen=True):
    """What was done to a damaged database, for the daemon to say aloud.

    *set_aside* are the paths where the damaged files lie now, *restored_from* what was taken in their
    place (None: nothing was good, the database is empty), *cause* what was found wrong. The rest is filled
    in when the folders of the jobs were read: *known* is the highest job that was restored, *rebuilt* how
    many jobs the folders gave back (None: not yet read), *unaccounted* how many numbers have neither a
    record nor a folder, *unreadable* the folders that do not tell whose they are.
    """

    set_aside: tuple[str, ...]
    restored_from: str | None
    cause: str
    known: int | None = None
    rebuilt: int | None = None
    unaccounted: int = 0
    unreadable: tuple[str, ...] = ()


def path_of(database: str) -> str:
    """Where the note lies; whoever has read it removes it."""
    return f"{database}.repaired"


def write(database: str, repair: Repair) -> None:
    """Keep *repair*, durably. Raises OSError."""
    folder, name = os.path.split(path_of(database))
    durable.write_file(folder, name, msgspec.json.encode(repair))


def read(database: str) -> Repair | None:
    """The note, None when there is none. Raises OSError."""
    try:
        with open(path_of(database), "rb") as file:
            return msgspec.json.decode(file.read(), type=Repair)
    except FileNotFoundError:
        return None
    except msgspec.MsgspecError as error:
        return Repair((), database, f"the note {path_of(database)} cannot be read: {error}")
