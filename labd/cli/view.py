"""A job in words: what it takes, how long it has run, why it waits, how it ended."""

from typing import Any

from labd.cli.times import span

Job = dict[str, Any]

ACTIVE = ("running", "starting", "paused")
WAITING = ("queued", "blocked", "held")
LIVE = ACTIVE + WAITING
ENDED = ("succeeded", "failed", "cancelled", "timed_out", "lost")

STYLES = {
    "running": "green", "starting": "cyan", "paused": "bold",
    "queued": "yellow", "blocked": "yellow", "held": "bold",
    "succeeded": "dim", "failed": "red", "cancelled": "dim", "timed_out": "red", "lost": "red",
}  # fmt: skip
"""Bold is what goes on only when somebody says so."""

BAR = 10
"""Cells of a progress bar."""


def rank(job: Job) -> tuple[int, int, int]:
    """Sorts what runs to the top, then what waits, then what has ended.

    What waits stands in the order in which it will start, the rest with the newest first.
    """
    state = job["state"]
    if state in WAITING:
        return LIVE.index(state), -(job.get("priority") or 0), job["id"]
    return LIVE.index(state) if state in LIVE else len(LIVE), 0, -job["id"]


def resources(job: Job) -> str:
    """``2c 8G 1g``: cores, memory, GPUs; what is not asked for is not shown. ``8Gv`` is memory of a GPU."""
    gpus, vram = gpu_count(job), job.get("vram")
    parts = [
        f"{job['cpus']:g}c" if job.get("cpus") else "",
        memory(job["memory"]) if job.get("memory") else "",
    ]
    parts.append(f"{gpus:g}g" if gpus and (gpus != 1 or not vram) else "")
    parts.append(f"{memory(vram)}v" if vram else "")
    return " ".join(part for part in parts if part)


def gpu_count(job: Job) -> float:
    """How many GPUs, or which part of one."""
    asked: float = job.get("gpus") or 0
    return asked if asked % 1 else len(job.get("gpu_ids") or ()) or asked


def memory(count: float) -> str:
    """Bytes in three digits and a unit of 1024."""
    for unit in "BKMGT":
        if count < 1000 or unit == "T":
            break
        count /= 1024
    return f"{count:.0f}{unit}" if count >= 100 or count == int(count) else f"{count:.1f}{unit}"


def elapsed(job: Job, now: float) -> str:
    """How long the last attempt has run, or ran."""
    if job.get("started") is None or job["state"] in WAITING:
        return ""
    return span((job["ended"] if job.get("ended") is not None else now) - job["started"])


def progress(job: Job) -> str:
    """A bar and a percentage for a running job that reports, and for an array; nothing otherwise."""
    share = done(job) if job.get("tasks") else job.get("progress")
    return "" if share is None or job["state"] not in LIVE else bar(share)


def done(job: Job) -> float:
    """Which part of the tasks of an array has ended."""
    tasks = job["tasks"]
    return 1.0 - float((tasks["waiting"] + tasks["running"]) / sum(tasks.values()))


def counted(job: Job) -> str:
    """``1000: 3 running, 797 waiting, 200 succeeded``: how the tasks of an array stand."""
    tasks = job["tasks"]
    parts = [f"{number} {state.replace('_', ' ')}" for state, number in tasks.items() if number]
    return f"{sum(tasks.values())}: {', '.join(parts)}"


def bar(share: float) -> str:
    """A bar and a percentage."""
    share = min(max(share, 0.0), 1.0)
    full = int(share * BAR)
    return "█" * full + "░" * (BAR - full) + f" {share:4.0%}"


def left(job: Job) -> str:
    """How long it still takes, as far as its progress tells."""
    return span(job["eta"]) if job.get("eta") is not None else ""


def aged(jobs: list[Job], seconds: float) -> list[Job]:
    """The same *jobs*, seen so many *seconds* ago."""
    return [job if job.get("eta") is None else {**job, "eta": max(job["eta"] - seconds, 0.0)} for job in jobs]


def result(job: Job) -> str:
    """How it ended: ``exit 3``, ``SIGKILL (out of memory)``, or the reason alone."""
    what, reason = "", job.get("reason") or ""
    if job.get("signal") and job["state"] != "cancelled":
        what = signal_name(job["signal"])
    elif job.get("exit_code"):
        what = f"exit {job['exit_code']}"
    if reason in (f"exit code {job.get('exit_code')}", f"signal {job.get('signal')}"):
        reason = ""  # the same in other words
    return f"{what} ({reason})" if what and reason else what or reason


def signal_name(number: int) -> str:
    import signal  # 3 ms that only a killed job pays for

    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def info(job: Job, now: float) -> str:
    """The last column: why it waits, or how and when it ended."""
    if job["state"] in LIVE:
        prio = f"prio {job['priority']}" if job.get("priority") and job["state"] in WAITING else ""
        return ", ".join(part for part in (prio, job.get("waiting_for") or "") if part)
    when = f"{span(now - job['ended'])} ago" if job.get("ended") is not None else ""
    return ", ".join(part for part in (result(job), when) if part)


def outcome(job: Job) -> str:
    """One clause about an ended job: ``failed after 5.0s: exit 3``."""
    took = elapsed(job, job.get("ended") or 0.0)
    text = job["state"].replace("_", " ") + (f" after {took}" if took else "")
    return f"{text}: {result(job)}" if job["state"] != "succeeded" and result(job) else text
