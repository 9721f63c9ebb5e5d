"""The truth on disk: one SQLite file with one writer, its snapshots, and content-addressed blobs.

Public names load when they are first used: a start checks the file while it still imports trio.
"""

from importlib import import_module

__all__ = ["Store", "Statistics", "Repair", "Blobs", "run_snapshots"]

TYPE_CHECKING = False  # importing typing for it would cost more than all of this module
if TYPE_CHECKING:
    from labd.store.blobs import Blobs
    from labd.store.keeping import run_snapshots
    from labd.store.note import Repair
    from labd.store.tally import Statistics
    from labd.store.writer import Store

_PLACES = {
    "Store": "writer",
    "Statistics": "tally",
    "Repair": "note",
    "Blobs": "blobs",
    "run_snapshots": "keeping",
}


def __getattr__(name: str) -> object:
    if name in _PLACES:
        return getattr(import_module(f"labd.store.{_PLACES[name]}"), name)
    raise AttributeError(f"module 'labd.store' has no attribute {name!r}")
