"""``labctl doctor``: is everything that labd needs there, and well?"""

import os
import shutil
import sqlite3
import statistics
import time
from collections.abc import Callable, Sequence
from typing import Literal

import msgspec
import trio

from labd.daemon.plugin_record import PluginRecord
from labd.daemon.rebuilding import sentences
from labd.jobs.limits import Delegation
from labd.resources.ledger import GpuStatistics
from labd.store.note import Repair
from labd.store.tally import Statistics
from labd.units import about_bytes as size
from labd.workers.probing import probe
from labd.workers.sandbox import Levels, Means

WARN_FREE, FAIL_FREE = 5 * 2**30, 256 * 2**20
"""Bytes free on the disk of the state directory."""

SLOW_FSYNC = 0.02
"""Seconds: every accepted job waits for one."""

FAST_FSYNC = 0.002

WAL_FIXED = (3, 51, 3)
"""SQLite before this can damage a WAL file that two connections write; labd keeps to one."""


class Check(msgspec.Struct, frozen=True):
    """One finding. ``hint`` is the next step where there is one."""

    name: str
    state: Literal["ok", "warn", "fail"]
    message: str
    hint: str = ""


def disk(state_dir: str) -> Check:
    free = shutil.disk_usage(state_dir).free
    text = f"{free / 2**30:.1f} GiB free for {state_dir}"
    if free < FAIL_FREE:
        return Check("disk", "fail", text, "free space: labd refuses new work when the disk is full")
    return Check("disk", "warn" if free < WARN_FREE else "ok", text)


def fsync_speed(state_dir: str, rounds: int = 9) -> Check:
    """The median time of a small durable write. Blocks."""
    path = os.path.join(state_dir, ".doctor")
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        median = statistics.median(_timed_write(fd) for _ in range(rounds))
    finally:
        os.close(fd)
        os.unlink(path)
    slow = median > SLOW_FSYNC
    verdict = "slow: every accepted job waits for it" if slow else "fast" if median < FAST_FSYNC else "good"
    text = f"{median * 1000:.2f} ms for a durable write, which is {verdict}"
    return Check(
        "fsync", "warn" if slow else "ok", text, "put the state directory on a faster disk" if slow else ""
    )


def _timed_write(fd: int) -> float:
    began = time.perf_counter()
    os.write(fd, b"x" * 512)
    os.fdatasync(fd)
    return time.perf_counter() - began


def store(found: Statistics, repaired: Repair | None, acknowledge: str = "") -> Check:
    if found.state != "open":
        return Check(
            "store", "fail", f"{found.state}: {found.cause}", "free space or check the disk; labd tries again"
        )
    if repaired is not None:
        kept = f"the damaged file is kept: {repaired.set_aside[0] if repaired.set_aside else 'none'}"
        return Check("store", "warn", "; ".join(sentences(repaired)), f"{kept}; {acknowledge}")
    return Check(
        "store", "ok", f"{found.file_bytes / 2**20:.1f} MiB, {found.commits} commits since the start"
    )


def sqlite_version() -> Check:
    version = sqlite3.sqlite_version_info
    text = f"SQLite {sqlite3.sqlite_version}"
    if version < WAL_FIXED:
        text += ", older than 3.51.3; labd writes through one connection only, which avoids its WAL bug"
    return Check("sqlite", "ok", text)


def clock() -> Check:
    wrong = time.time() < 1_700_000_000
    return Check(
        "clock",
        "fail" if wrong else "ok",
        time.strftime("%Y-%m-%d %H:%M:%S %Z"),
        "set the clock" if wrong else "",
    )


def descriptors(connections: int) -> Check:
    import resource

    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    few = soft < connections + 256
    text = f"{soft} file descriptors, {connections} of them for clients"
    return Check("descriptors", "warn" if few else "ok", text, "raise LimitNOFILE of the unit" if few else "")


def plugins(records: Sequence[PluginRecord]) -> Check:
    bad = [r for r in records if r.state in ("failed", "incompatible")]
    if bad:
        return Check(
            "plugins", "warn", "; ".join(f"{r.name} {r.state}: {r.error}" for r in bad), "labctl plugins"
        )
    return Check("plugins", "ok", f"{sum(r.loaded for r in records)} loaded")


def http(enabled: bool, urls: Sequence[str], trouble: Sequence[str]) -> Check:
    if trouble:
        return Check("http", "warn", "; ".join(trouble), "see the section [http] of the configuration")
    return Check("http", "ok", f"served at {', '.join(urls)}" if enabled else "off; http.enabled turns it on")


def gpu(found: GpuStatistics) -> Check:
    """How one GPU fares, and who has it."""
    memory = size(found.memory) if found.memory else ""
    about = ", ".join(part for part in (found.name or found.vendor, memory) if part)
    names = [held.holder for held in found.held]
    holders = ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
    held = f"; held by {holders}" if holders else ""
    if found.health != "ok":
        hint = f"no new job gets {about}; see nvidia-smi, dmesg"
        return Check(f"gpu {found.index}", "fail", f"{found.health}: {found.why}{held}", hint)
    return Check(f"gpu {found.index}", "ok", about + held)


def limits(delegation: Delegation | None, wants_cpus: bool) -> Check:
    """Who holds jobs to what they asked for."""
    if delegation is None or not delegation.limits_memory:
        text = "each job's shim watches its memory: no control group with the memory controller is ours"
        if wants_cpus:
            return Check("limits", "warn", text, "jobs.enforce_cpus has no effect here")
        return Check("limits", "ok", text)
    return Check("limits", "ok", f"the kernel holds jobs to their memory, below {delegation.path}")


def sandbox(probe: Callable[[], Levels] = probe) -> Check:
    """Which levels of isolation workers can have, by what, and why there are no more."""
    levels = probe()
    text = "; ".join(each for each in (_levels(levels), *map(_means, levels)) if each)
    if levels.bubblewrap.usable and levels.seccomp.usable:
        return Check("sandbox", "ok", text)
    return Check("sandbox", "warn", text, levels.hint)


def _levels(levels: Levels) -> str:
    """``workers can have: none, limits, isolated by bubblewrap``."""
    names = {"bubblewrap": " by bubblewrap", "landlock": " by Landlock (not `warm`, not of root)"}
    return "workers can have: " + ", ".join(
        each + names.get(levels.by(each), "") for each in levels.available
    )


def _means(means: Means) -> str:
    return means.trouble or f"{means.name} works ({means.detail})"


async def examine(checks: Sequence[Callable[[], Check]]) -> list[Check]:
    """Run every check in a thread; one that cannot be made is a failure of that check alone."""
    return [await trio.to_thread.run_sync(_guarded, check) for check in checks]


def _guarded(check: Callable[[], Check]) -> Check:
    try:
        return check()
    except OSError as error:
        return Check("check", "fail", f"could not be made: {error}")
