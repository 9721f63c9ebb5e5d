"""One job at length: pairs, and a table of its attempts."""

import shlex
from typing import Any

from labd.cli.render import Terminal
from labd.cli.table import Cell, Column, pairs, table
from labd.cli.times import moment, span
from labd.cli.view import Job, counted, elapsed, gpu_count, left, memory, progress, result

_ATTEMPTS = [
    Column("ATTEMPT", right=True), Column("STATE"), Column("TOOK", right=True), Column("CPU", right=True),
    Column("MEMORY", right=True), Column("GPUS"), Column("RESULT", least=12), Column("CAUSE", least=8),
]  # fmt: skip


def described(job: Job, term: Terminal, now: float) -> list[str]:
    """What the job is: the part that is known before it is submitted."""
    kind = job.get("kind", "command")
    return pairs([
        ("Name", job.get("name") or ""),
        ("Kind", kind if kind != "command" else ""),
        ("Command", shlex.join(job.get("argv") or ())),
        ("Folder", job.get("cwd") or ""),
        ("Takes", takes(job)),
        ("Time limit", span(job["time_limit"]) if job.get("time_limit") else ""),
        ("Retries", str(job.get("retries") or "")),
        ("Retry on", ", ".join(map(str, job.get("retry_on") or ()))),
        ("Priority", str(job.get("priority") or "")),
        ("Held", "until `labctl release`" if job.get("hold") else ""),
        ("Begin", moment(job.get("begin"), now)),
        ("After", ", ".join(f"{one['job']}:{one['when']}" for one in job.get("after") or ())),
        ("Array", _array(job["array"]) if isinstance(job.get("array"), dict) else ""),
        ("Group", job.get("group") or ""),
        ("Tags", ", ".join(job.get("tags") or ())),
        ("Notify", ", ".join(f"{one['when']}:{one['target']}" for one in job.get("notify") or ())),
        *_frozen(job.get("code")),
    ], term)  # fmt: skip


def _array(array: dict[str, Any]) -> str:
    """``0-99:5, 200 (2 at once)``, of a job that is not submitted yet."""
    parts = [
        f"{first}" if first == last else f"{first}-{last}" + (f":{step}" if step != 1 else "")
        for first, last, step in array["ranges"]
    ]
    return ", ".join(parts) + (f" ({array['limit']} at once)" if array.get("limit") else "")


def _frozen(code: dict[str, Any] | None) -> list[tuple[str, str]]:
    """What of its code is frozen, and where that comes from."""
    if not code:
        return []
    commit, branch = code.get("commit", "")[:12], code.get("branch", "")
    changed = ", with changes" if code.get("diff") else ""
    return [
        ("Frozen", f"{code['files']} file{'s' * (code['files'] != 1)} of {code['root']}"),
        ("Commit", f"{commit}{f' on {branch}' if branch else ''}{changed}" if commit else ""),
        ("Remote", code.get("remote", "")),
    ]


def takes(job: Job) -> str:
    """``2 cores, 8G memory, GPU 0``: what is asked for, and the GPUs that were given."""
    cpus = job.get("cpus") or 0
    parts = [
        f"{cpus:g} {'core' if cpus == 1 else 'cores'}" if cpus else "",
        f"{memory(job['memory'])} memory" if job.get("memory") else "",
        _gpus(job),
    ]
    return ", ".join(part for part in parts if part)


def _gpus(job: Job) -> str:
    """``GPU 0``, ``2 GPUs``, ``0.25 of GPU 0``, ``8G of the memory of a GPU``."""
    count, ids, vram = gpu_count(job), job.get("gpu_ids") or (), job.get("vram")
    named = f"GPU{'s' if len(ids) > 1 else ''} {', '.join(map(str, ids))}"
    if count % 1:
        own = f" and {memory(vram)} of its memory" if vram else ""
        return f"{count:g} of {named if ids else 'a GPU'}{own}"
    if vram:
        several = f"each of {named if ids else f'{count:g} GPUs'}"
        return f"{memory(vram)} of the memory of {several if count > 1 else named if ids else 'a GPU'}"
    plain = f"{count:g} GPU{'' if count == 1 else 's'}" if count else ""
    return named if ids else plain


def progressed(job: Job, term: Terminal, now: float) -> list[str]:
    """What has become of it."""
    metrics = job.get("metrics") or {}
    return pairs([
        ("Job", str(job["id"])),
        ("Task", f"{job['array']}_{job['index']}" if job.get("array") else ""),
        ("State", job["state"].replace("_", " ")),
        ("User", job.get("user") or ""),
        ("Waits for", job.get("waiting_for") or ""),
        ("Tasks", counted(job) if job.get("tasks") else ""),
        ("Warning", job.get("warning") or ""),
        ("Result", result(job)),
        ("Submitted", moment(job.get("submitted"), now)),
        ("Started", moment(job.get("started"), now)),
        ("Ended", moment(job.get("ended"), now)),
        ("Took", elapsed(job, now)),
        ("Progress", progress(job)),
        ("Time left", f"about {left(job)}" if left(job) else ""),
        ("Metrics", ", ".join(f"{name} {_number(value)}" for name, value in metrics.items())),
    ], term)  # fmt: skip


def _number(value: float | None) -> str:
    return "none" if value is None else f"{value:g}"


def attempts(found: list[dict[str, Any]], term: Terminal) -> list[str]:
    """The table of attempts, oldest first; nothing for a job that never began."""
    return table(_ATTEMPTS, [_attempt(one) for one in found], term)


def _attempt(one: dict[str, Any]) -> list[Cell]:
    seconds = (one.get("user_seconds") or 0.0) + (one.get("system_seconds") or 0.0)
    return [
        Cell(str(one["number"])),
        Cell(one["state"].replace("_", " ")),
        Cell(span(one["seconds"]) if one.get("seconds") is not None else ""),
        Cell(span(seconds) if one.get("user_seconds") is not None else ""),
        Cell(memory(peak) if (peak := one.get("peak_memory") or one.get("max_rss")) else ""),
        Cell(",".join(map(str, one.get("gpu_ids") or ()))),
        Cell(result(one)),
        Cell(one.get("cause") or ""),
    ]


_RESULTS = [Column("ARTIFACT", least=12), Column("SIZE", right=True), Column("PATH")]


def artifacts(found: list[dict[str, Any]], term: Terminal) -> list[str]:
    """The results that the job named; their paths are not cut."""
    rows = [[Cell(one["name"]), Cell(_size(one)), Cell(one["path"])] for one in found]
    return table(_RESULTS, rows, term._replace(width=None))


def _size(one: dict[str, Any]) -> str:
    return "" if one.get("size") is None else memory(one["size"])


def folders(found: list[dict[str, Any]], term: Terminal) -> list[str]:
    """Where each attempt's log lies, as far as the daemon says so."""
    return pairs([(f"Log {one['number']}", one.get("log") or "") for one in found], term)
