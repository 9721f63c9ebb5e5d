"""The truth on disk: one SQLite file with one writer, its snapshots, and content-addressed blobs."""

from labd.store.blobs import Blobs
from labd.store.note import Repair
from labd.store.snapshot import run_snapshots
from labd.store.tally import Statistics
from labd.store.writer import Store

__all__ = ["Store", "Statistics", "Repair", "Blobs", "run_snapshots"]
