"""Checks of the doctor that need no daemon: the store as a file, the clock, versions, systemd's settings."""

import ctypes
import glob
import os
import platform
import sqlite3
import subprocess
from collections.abc import Mapping
from contextlib import closing

import trio

from labd.daemon.doctor import Check
from labd.daemon.identity import version
from labd.daemon.telemetry.exporter import Statistics
from labd.store import connect, snapshot
from labd.units import about_bytes, about_seconds

JUMP = 5.0
"""Seconds that the wall clock may be set by, since the start, without a word."""

_TIME_ERROR = 5
"""What adjtimex(2) returns while nobody keeps the clock right."""

NEEDED = {
    "KillMode": ("process", "a stop or restart of labd would end all jobs"),
    "Delegate": ("yes", "labd may not make control groups for jobs"),
    "OOMPolicy": ("continue", "a job that runs out of memory would end labd"),
    "TasksMax": ("infinity", "all processes of all jobs together are limited"),
}
"""What a unit must say, and what follows where it does not."""


def integrity(path: str) -> Check:
    """What SQLite finds in the whole file. Blocks as long as reading it takes."""
    try:
        with closing(connect.reader(path)) as connection:
            found = connect.quick_check(connection)
    except sqlite3.DatabaseError as error:
        found = str(error)
    if found:
        hint = "restart labd: it sets the file aside and restores the newest good snapshot"
        return Check("integrity", "fail", f"{path}: {found}", hint)
    return Check("integrity", "ok", f"{path} is whole, {about_bytes(os.stat(path).st_size)}")


def snapshots(path: str, interval: float, now: float) -> Check:
    """How old the newest copy is from which a damaged store could be restored."""
    there = snapshot.newest_first(path)
    if not there:
        return Check(
            "snapshots", "ok", f"none yet; the first is due {about_seconds(interval)} after the start"
        )
    age = max(now - os.stat(there[0]).st_mtime, 0.0)
    text = f"{len(there)}, the newest {about_seconds(age)} old"
    if age > 3 * interval:
        return Check(
            "snapshots", "warn", text, f"one is due every {about_seconds(interval)}: see the log of labd"
        )
    return Check("snapshots", "ok", text)


def copies(path: str) -> Check:
    """Files that labd keeps and does not need."""
    left = sorted(glob.glob(f"{glob.escape(path)}.v*") + glob.glob(f"{glob.escape(path)}.damaged-*"))
    if not left:
        return Check("copies", "ok", "no old or damaged copies of the store")
    size = about_bytes(sum(os.stat(file).st_size for file in left))
    names = ", ".join(map(os.path.basename, left[:3])) + (", ..." if len(left) > 3 else "")
    return Check("copies", "ok", f"{names} take {size}; remove them when nobody needs them any more")


def synchronised() -> Check:
    """Whether the kernel says that somebody keeps the clock right."""
    state = ctypes.CDLL(None, use_errno=True).adjtimex(
        ctypes.create_string_buffer(256)
    )  # asks, changes nothing
    if state == _TIME_ERROR:
        hint = "timedatectl set-ntp true; waiting, limits and retries do not depend on it, shown times do"
        return Check("ntp", "warn", "nobody keeps the clock synchronised", hint)
    return Check("ntp", "ok", "the clock is synchronised")


def drift(seconds: float) -> Check:
    """By how much the wall clock was set since labd began."""
    jump = round(seconds, 1) + 0.0  # no -0.0
    text = f"set by {jump:+.1f} s since labd started"
    if abs(jump) > JUMP:
        hint = "times that labd shows from before are off by that; nothing else is"
        return Check("wall clock", "warn", text, hint)
    return Check("wall clock", "ok", text)


def versions() -> Check:
    """What runs here, for a report."""
    return Check(
        "versions",
        "ok",
        f"labd {version()}, Python {platform.python_version()}, trio {trio.__version__}, "
        f"SQLite {sqlite3.sqlite_version}, Linux {platform.release()}",
    )


def unit(name: str, found: Mapping[str, str]) -> Check:
    """Whether systemd treats labd as its jobs need it."""
    wrong = [
        f"{key}={found[key]}: {why}" for key, (good, why) in NEEDED.items() if found.get(key, good) != good
    ]
    if wrong:
        return Check("systemd", "warn", f"{name}: {'; '.join(wrong)}", "labd service install --dry-run")
    limits = ", ".join(f"{key}={found[key]}" for key in ("LimitNOFILE", "WatchdogUSec") if key in found)
    return Check("systemd", "ok", f"{name} is as jobs need it" + (f" ({limits})" if limits else ""))


def systemd(cgroup: str, env: Mapping[str, str], lingering: bool) -> Check:
    """How systemd runs this process, whose line of /proc/self/cgroup is *cgroup*. Blocks."""
    name = next((part for part in reversed(cgroup.split("/")) if part.endswith(".service")), "")
    if "INVOCATION_ID" not in env or not name:
        return Check(
            "systemd", "ok", "labd is not a service of systemd here; `labd service install` makes it one"
        )
    users = "/user@" in cgroup
    command = ["systemctl", *(["--user"] if users else []), "show", f"--property={','.join(_ASKED)}", name]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=10, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        return Check(
            "systemd", "warn", f"{name}: systemctl cannot be asked: {error}", f"systemctl status {name}"
        )
    found = unit(name, dict(line.split("=", 1) for line in done.stdout.splitlines() if "=" in line))
    if users and not lingering and found.state == "ok":
        hint = "loginctl enable-linger"
        return Check("systemd", "warn", f"{name} and its jobs end when the user logs out", hint)
    return found


def telemetry(endpoint: str, found: Statistics) -> Check:
    """Whether spans of jobs arrive where they should."""
    if not endpoint:
        return Check("telemetry", "ok", "no endpoint is set")
    text = f"{endpoint}: {found.sent} spans sent, {found.dropped} lost"
    if found.error:
        return Check(
            "telemetry", "warn", f"{text}; {found.error}", "look at the collector; jobs do not depend on it"
        )
    return Check("telemetry", "ok", text)


_ASKED = (*NEEDED, "LimitNOFILE", "WatchdogUSec")


def own_cgroup() -> str:
    """The line of /proc/self/cgroup that systemd manages."""
    with open("/proc/self/cgroup", encoding="utf-8") as file:
        lines = file.read().splitlines()
    return next((line for line in lines if line.startswith("0::") or ":name=systemd:" in line), "")


def lingers(uid: int) -> bool:
    """Whether systemd runs the units of the user also while nobody is logged in."""
    import pwd

    try:
        return os.path.exists(f"/var/lib/systemd/linger/{pwd.getpwuid(uid).pw_name}")
    except KeyError:
        return False


def of_process() -> Check:
    """:func:`systemd` for this process."""
    return systemd(own_cgroup(), os.environ, lingers(os.getuid()))
