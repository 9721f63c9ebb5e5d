"""Models on the screen: rows, what is known of one, and their numbers."""

from typing import Any

from labd.cli.table import Cell, Column
from labd.units import format_bytes

COLUMNS = [
    Column("MODEL", least=12), Column("VERSION"), Column("STATE"), Column("WORKERS", right=True),
    Column("BATCH", right=True), Column("PLATFORM", least=8), Column("INFO", least=20),
]  # fmt: skip
STATS = [
    Column("MODEL", least=12), Column("VERSION"),
    Column("REQUESTS", right=True), Column("FAILED", right=True),
    Column("REFUSED", right=True), Column("LATE", right=True), Column("QUEUE", right=True),
    Column("ROWS/BATCH", right=True), Column("P50", right=True), Column("P99", right=True),
]  # fmt: skip
STYLES = {"ready": "green", "failed": "red", "loading": "yellow", "unloading": "yellow", "unloaded": "dim"}


def row(one: dict[str, Any]) -> list[Cell]:
    """A version in the table of ``labctl model``."""
    workers = f"{one['ready_workers']}/{one['workers']}" if one["workers"] else ""
    info = " -> ".join(one["pipeline"]) or one["reason"]
    return [
        Cell(one["name"]), Cell(one["version"] + ("" if one["newest"] else " (older)")),
        Cell(one["state"], STYLES.get(one["state"], "")), Cell(workers), Cell(str(one["max_batch_size"])),
        Cell(one["platform"]), Cell(info),
    ]  # fmt: skip


def stats_row(one: dict[str, Any]) -> list[Cell]:
    """The numbers of a version in one line."""
    rows = f"{one['rows'] / one['batches']:.1f}" if one["batches"] else ""
    latency = one["latency"]
    return [
        Cell(one["name"]), Cell(one["version"]), Cell(str(one["requests"])), Cell(str(one["failed"] or "")),
        Cell(str(one["refused"] or "")), Cell(str(one["expired"] or "")), Cell(str(one["queued"] or "")),
        Cell(rows), Cell(milliseconds(quantile(latency, 0.5))), Cell(milliseconds(quantile(latency, 0.99))),
    ]  # fmt: skip


def pairs(one: dict[str, Any], spec: dict[str, Any]) -> list[tuple[str, str]]:
    """All that is known of one version."""
    known = [
        ("model", one["name"]), ("version", one["version"]), ("state", one["state"]),
        ("reason", one["reason"]), ("platform", one["platform"]),
        ("inputs", _tensors(one["inputs"])), ("outputs", _tensors(one["outputs"])),
        ("stages", " -> ".join(one["pipeline"])),
        ("workers", f"{one['ready_workers']} of {one['workers']} ready" if one["workers"] else ""),
        ("batch", f"at most {one['max_batch_size']} rows"),
    ]  # fmt: skip
    rest = [(key.replace("_", " "), _short(key, value)) for key, value in spec.items() if key not in SHOWN]
    return [(key, value) for key, value in [*known, *rest] if value]


SHOWN = ("workers", "pipeline", "inputs", "outputs", "max_batch_size", "version")


def quantile(durations: dict[str, Any], part: float) -> float | None:
    """The upper bound, in seconds, of what *part* of all took; None for nothing, or beyond all bounds."""
    left = part * durations["count"]
    for bound, count in zip(durations["bounds"], durations["counts"], strict=False):
        left -= count
        if count and left <= 0:
            return float(bound)
    return None


def milliseconds(seconds: float | None) -> str:
    if seconds is None:
        return ""
    return f"{seconds * 1000:.3g} ms" if seconds < 1 else f"{seconds:.3g} s"


def _tensors(specs: list[dict[str, Any]]) -> str:
    return ", ".join(f"{one['name']} {one['datatype']} {list(one['shape'])}" for one in specs)


def _short(key: str, value: Any) -> str:
    if key.endswith("bytes") or key in ("memory", "shared"):
        return format_bytes(value) if value else ""
    if isinstance(value, dict):
        return ", ".join(f"{name}={each}" for name, each in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value))
    return str(value)
