"""One job at length: what it is, how it stands, why it waits, its attempts, results and surroundings."""

import shlex
from typing import Any

from labd.cli import view
from labd.cli.detail import takes
from labd.cli.times import ago, clock, moment, span
from labd.tui.text import Line, Span, fit, gauge, line, pairs, wrapped

Shown = dict[str, Any]
"""What ``job.show`` answers."""


def job_lines(
    shown: Shown,
    why: dict[str, Any] | None,
    tasks: dict[str, Any] | None,
    width: int,
    now: float,
    *,
    whole: bool = True,
) -> list[Line]:
    """Everything about a job; without *whole* what has to be known at a glance."""
    job = shown["job"]
    made = [*_head(job, width, now), *_state(job, width, now), *_why(job, why, width, now)]
    made += _attempts(shown["attempts"], width)
    made += _artifacts(shown.get("artifacts") or [], width)
    made += _tasks(tasks, width)
    made += _code(shown.get("code"), width)
    if whole:
        made += [*_text("Script", shown.get("script"), width), *_env(shown.get("env"), width)]
    return made


def _title(text: str, width: int, note: str = "") -> list[Line]:
    return [
        [],
        [
            Span(f"{text} ", "title"),
            Span("─" * max(width - len(text) - len(note) - 2, 0), "rule"),
            Span(f" {note}", "dim"),
        ],
    ]


def _head(job: dict[str, Any], width: int, now: float) -> list[Line]:
    state = job["state"]
    return [
        line(
            (f"{job['id']} ", "dim"),
            (job.get("name") or "no name", "title"),
            "  ",
            (state.replace("_", " "), view.STYLES.get(state, "")),
            (f"  {view.result(job)}" if state in view.ENDED else "", "warn"),
        ),
        *([[]] if width else []),
    ]


def _state(job: dict[str, Any], width: int, now: float) -> list[Line]:
    share = view.done(job) if job.get("tasks") else job.get("progress")
    bar = (
        [
            *gauge(share, 24, "good"),
            *line(f" {share:.1%}", (f"  {view.left(job)} left" if view.left(job) else "", "info")),
        ]
        if share is not None
        else ""
    )
    metrics = "   ".join(
        f"{name} {value:g}" for name, value in (job.get("metrics") or {}).items() if value is not None
    )
    return pairs(
        [
            ("Progress", bar),
            ("Metrics", metrics),
            ("Tasks", view.counted(job) if job.get("tasks") else ""),
            ("Waits for", job.get("waiting_for") or ""),
            ("Warning", job.get("warning") or ""),
            ("Reason", (job.get("reason") or "") if job["state"] not in view.ENDED else ""),
            ("Command", shlex.join(job.get("argv") or ())),
            ("Folder", job.get("cwd") or ""),
            ("Takes", takes(job)),
            ("User", job.get("user") or ""),
            ("Priority", str(job.get("priority") or "")),
            ("Group", job.get("group") or ""),
            ("Tags", ", ".join(job.get("tags") or ())),
            ("Time limit", span(job["time_limit"]) if job.get("time_limit") else ""),
            ("Retries", str(job.get("retries") or "")),
            ("After", ", ".join(f"{one['job']} ({one['when']})" for one in job.get("after") or ())),
            ("Begin", moment(job.get("begin"), now)),
            ("Submitted", moment(job.get("submitted"), now)),
            ("Started", moment(job.get("started"), now)),
            ("Ended", moment(job.get("ended"), now)),
            ("Took", view.elapsed(job, now)),
        ],
        width,
        key=10,
    )


def _why(job: dict[str, Any], why: dict[str, Any] | None, width: int, now: float) -> list[Line]:
    if not why or job["state"] not in view.WAITING:
        return []
    made = _title("Why it waits", width)
    for reason in why["reasons"]:
        made += wrapped(f"{reason[:1].upper()}{reason[1:]}.", width, "warn", "  ")
    for one in why["held_by"][:10]:
        ends = (
            "" if one.get("ends") is None else f"ends by {clock(one['ends'])[11:]} ({ago(one['ends'], now)})"
        )
        held = " ".join(
            part
            for part in (
                f"{one['cpus']:g}c" if one.get("cpus") else "",
                view.memory(one["memory"]) if one.get("memory") else "",
                f"GPU {','.join(map(str, one['gpu_ids']))}" if one.get("gpu_ids") else "",
            )
            if part
        )
        made.append(
            [
                *fit(line(f"  {one['holder']}"), min(width // 2, 36)),
                *fit(line((held, "bold")), 16),
                *line((ends, "dim")),
            ]
        )
    return made


def _attempts(found: list[dict[str, Any]], width: int) -> list[Line]:
    if not found:
        return []
    made = _title("Attempts", width, str(len(found)))
    for one in reversed(found[-20:]):
        cpu = (one.get("user_seconds") or 0.0) + (one.get("system_seconds") or 0.0)
        peak = one.get("peak_memory") or one.get("max_rss")
        parts = [
            f"took {span(one['seconds'])}" if one.get("seconds") is not None else "",
            f"cpu {span(cpu)}" if one.get("user_seconds") is not None else "",
            f"peak {view.memory(peak)}" if peak else "",
            f"GPU {','.join(map(str, one['gpu_ids']))}" if one.get("gpu_ids") else "",
        ]
        figures = "  ".join(part for part in parts if part)
        made.append(
            [
                *line(
                    (f"{one['number']:>3} ", "dim"),
                    (f"{one['state'].replace('_', ' '):<10}", view.STYLES.get(one["state"], "")),
                    f" {figures}  ",
                    (view.result(one), "warn"),
                    (f"  {one['cause']}" if one.get("cause") not in ("", None, "submitted") else "", "dim"),
                ),
            ]
        )
    return made


def _artifacts(found: list[dict[str, Any]], width: int) -> list[Line]:
    if not found:
        return []
    rows = [
        line(
            (f"{one['name']}  ", "bold"),
            ("" if one.get("size") is None else f"{view.memory(one['size'])}  ", "dim"),
            one["path"],
        )
        for one in found
    ]
    return [*_title("Results", width, str(len(found))), *rows]


def _tasks(tasks: dict[str, Any] | None, width: int) -> list[Line]:
    if not tasks:
        return []
    made = _title("Tasks", width, "those with a record, the first 200")
    for one in tasks["tasks"]:
        made.append(
            line(
                (f"{one['array']}_{one['index']:<6}", "dim"),
                (f" {one['state']:<10}", view.STYLES.get(one["state"], "")),
                f" {view.result(one)}" if one["state"] in view.ENDED else "",
            )
        )
    for part in tasks["untouched"]:
        ends = f"{part['first']}" if part["count"] == 1 else f"{part['first']} to {part['last']}"
        made.append(line((f"{ends}: {part['count']} {part['state']}", "dim")))
    return made


def _code(code: dict[str, Any] | None, width: int) -> list[Line]:
    if not code:
        return []
    changed = ", with changes" if code.get("diff") else ""
    commit = f"{code.get('commit', '')[:12]} {code.get('branch', '')}{changed}".strip()
    return [
        *_title("Code snapshot", width),
        *pairs(
            [
                ("Tree", f"{code.get('files')} files of {code.get('root')}"),
                ("Commit", commit),
                ("Remote", code.get("remote", "")),
            ],
            width,
            key=10,
        ),
    ]


def _text(title: str, text: str | None, width: int) -> list[Line]:
    return [*_title(title, width), *(line(one) for one in text.splitlines())] if text else []


def _env(env: dict[str, str] | None, width: int) -> list[Line]:
    if not env:
        return []
    rows = [line((f"{name}=", "dim"), value) for name, value in sorted(env.items())]
    return [*_title("Environment", width, str(len(env))), *rows]
