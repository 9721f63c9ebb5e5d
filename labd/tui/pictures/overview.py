"""The whole machine on one screen."""

from labd.cli import view
from labd.cli.render import cut
from labd.cli.times import span
from labd.tui.rows import JobRow
from labd.tui.store import Store, gpu_held
from labd.tui.text import Line, Span, area, beside, fit, frame, gauge, heat, line, spark, width_of, wrapped

CURVES = {"Cores": "cores", "Memory": "memory", "CPU": "cpu", "RAM": "used"}
"""The histories of meters."""

TALL = 45
"""Lines from which curves have several."""

NARROW = 72
"""Cells of a list of jobs below which users are left out."""

WIDE = 110
"""Cells from which there are two columns."""


def overview(store: Store, width: int, height: int, now: float) -> list[Line]:
    """Exactly *height* lines, or more where that is too few for anything."""
    trouble = _no_link(store, width)
    trouble += [line(("! ", "bad"), (text, "bad")) for text in store.status.get("trouble") or ()]
    height = max(height - len(trouble), 12)
    body = _two(store, width, height, now) if width >= WIDE else _one(store, width, height, now)
    return [*trouble, *body]


def _no_link(store: Store, width: int) -> list[Line]:
    link = store.link
    if link.up or not link.error:
        return []
    return [*wrapped(f"! {link.error}", width, "bad"), *wrapped(f"  {link.hint}", width, "dim")]


def _one(store: Store, width: int, height: int, now: float) -> list[Line]:
    machine = _machine(store, width - 4)
    first = min(len(machine), max(height // 3, 3)) + 2
    below = max(min(height // 4, 7), 4)
    jobs = height - first - below
    return [
        *frame("Machine", machine, width, first, _counted(store)),
        *frame("Runs, and waits", _jobs(store, width - 4, jobs - 2, now), width, jobs, _waiting(store)),
        *frame("Events", _events(store, width - 4, below - 2, now), width, below, _services_note(store)),
    ]


def _two(store: Store, width: int, height: int, now: float) -> list[Line]:
    left = min(max(width * 2 // 5, 50), 84)
    right = width - left - 1
    machine, gpus, services = (
        _machine(store, left - 4, gpus=False),
        _gpus(store, left - 4),
        _services(store, left - 4, now),
    )
    if height >= TALL:
        machine = _tall(store, left - 4)
    top = min(len(machine) + 2, height // 2)
    middle = min(len(gpus) + 2, max(height // 3, 4)) if gpus else 0
    rest = height - top - middle
    column = frame("Machine", machine, left, top, _version(store))
    column += frame("GPUs", gpus, left, middle) if gpus else []
    column += frame("Services", services, left, rest, _services_note(store))
    below = max(height // 3, 5)
    queue = max((height - below) // 3, 5)
    runs = height - below - queue
    others = [
        *frame("Runs", _running(store, right - 4, runs - 2, now), right, runs, _counted(store)),
        *frame("Waits", _queue(store, right - 4, queue - 2), right, queue, _waiting(store)),
        *frame("Events", _events(store, right - 4, below - 2, now), right, below, f"{store.last} so far"),
    ]
    return beside(column, others, left)


# -- the machine --------------------------------------------------------------------------------


def _machine(store: Store, width: int, *, gpus: bool = True) -> list[Line]:
    has, machine = store.status.get("resources") or {}, store.machine
    made = []
    if has:
        made.append(_meter(store, "Cores", "cores", has["cores_held"], has["cores"], _count, width, "held"))
        made.append(
            _meter(store, "Memory", "memory", has["memory_held"], has["memory"], view.memory, width, "held")
        )
    if machine:
        cpu = float(machine.get("cpu") or 0.0)
        made.append(_meter(store, "CPU", "cpu", cpu * 100, 100.0, lambda n: f"{n:.0f}%", width, "busy"))
        made.append(
            _meter(
                store, "RAM", "used", machine["memory_used"], machine["memory"], view.memory, width, "used"
            )
        )
        made += [_disk(one, width) for one in machine.get("disks") or ()]
    return made + (_gpus(store, width) if gpus else [])


def _tall(store: Store, width: int) -> list[Line]:
    """With a curve below each meter."""
    made: list[Line] = []
    for meter in _machine(store, width, gpus=False):
        name = meter[0].text.strip()
        made.append(meter[:-1] if name in CURVES else meter)
        if name in CURVES:
            values = store.history.last(CURVES[name], width - 8)
            made += [line(f"{'':<8}", (row, "info")) for row in area(values, width - 8, 3)]
    return made


def _meter(store, name, series, part, whole, text, width, word) -> Line:  # type: ignore[no-untyped-def]
    share = part / whole if whole else 0.0
    bar = max(min(width // 4, 24), 8)
    figures = f"{text(part)}/{text(whole)} {word}" if word in ("held", "used") else f"{text(part)} {word}"
    head: Line = [
        *line((f"{name:<7}", "dim")),
        *gauge(share, bar, "bar" if word == "held" else heat(share)),
        *line(f" {figures:<18}"),
    ]
    room = width - width_of(head) - 1
    curve = spark(store.history.last(series, room), room, 1.0) if room > 5 else ""
    return [*head, Span(f" {curve}", "info")]


def _disk(disk: dict[str, object], width: int) -> Line:
    total, free = float(str(disk["total"])), float(str(disk["free"]))
    share = 1 - free / total if total else 0.0
    bar = max(min(width // 4, 24), 8)
    return [
        *line(("Disk   ", "dim")),
        *gauge(share, bar, heat(share)),
        *line(f" {view.memory(free)} free of {view.memory(total)}  ", (str(disk["path"]), "dim")),
    ]


def _gpus(store: Store, width: int) -> list[Line]:
    has = store.status.get("resources") or {}
    return [_gpu(store, device, width) for device in has.get("devices") or ()]


def _gpu(store: Store, device: dict[str, object], width: int) -> Line:
    index = device["index"]
    share = gpu_held(device)
    bar = max(min(width // 4, 24), 8)
    well = device.get("state", "ok") in ("ok", "", None) and not device.get("trouble")
    holders = ", ".join(_holder(store, str(part["holder"])) for part in device["held"]) or "free"  # type: ignore[attr-defined]
    text = holders if well else f"{device.get('trouble') or device.get('state')}: {holders}"
    head: Line = [
        *line((f"GPU {index:<3}", "dim")),
        *gauge(share, bar, "bar" if well else "bad"),
        Span(" "),
    ]
    room = width - width_of(head)
    curve = max(min(room // 3, 30), 0)
    made = [*head, *fit(line((text, "" if well else "bad")), room - curve - 1), Span(" ")]
    return (
        [*made, Span(spark(store.history.last(f"gpu {index}", curve), curve, 1.0), "info")]
        if curve > 5
        else made
    )


def _holder(store: Store, holder: str) -> str:
    """``job 12 (train)``."""
    word = holder.rpartition(" ")[2]
    row = store.jobs.get(int(word)) if word.isdecimal() else None
    return f"{holder} ({row.name})" if row is not None and row.name else holder


# -- jobs ---------------------------------------------------------------------------------------


def _jobs(store: Store, width: int, room: int, now: float) -> list[Line]:
    """What runs, and below it what waits."""
    waits = store.next()
    runs = _running(store, width, max(room - min(len(waits), max(room // 3, 2)), 1), now)
    return [*runs, *_queue(store, width, room - len(runs))] if waits else runs


def _running(store: Store, width: int, room: int, now: float) -> list[Line]:
    rows = store.running()
    if not rows:
        return [line(("Nothing runs.", "dim"))]
    return _some([_run(row, width, now) for row in rows[:room]], len(rows), room, "run")


def _run(row: JobRow, width: int, now: float) -> Line:
    job = row.as_map()
    head: Line = [
        *fit(line((f"{row.id:>6} ", "dim"), (row.name or "no name", "bold")), min(max(width // 3, 22), 34)),
        *_user(row, width),
        *fit(line((view.resources(job), "dim")), 12),
        *line(f"{view.elapsed(job, now):>7} "),
    ]
    if row.state != "running":
        return [*head, *line((row.state, view.STYLES[row.state]))]
    share = view.done(job) if row.tasks else row.progress
    if share is not None:
        cells = 14 if width > 90 else 8
        head += [*gauge(share, cells, "good"), *line(f" {share:4.0%} ")]
    left = f"{view.left(job)} {'left ' if width >= NARROW else ''}" if view.left(job) else ""
    figures = "  ".join(
        f"{name} {value:.4g}" for name, value in (row.metrics or {}).items() if value is not None
    )
    return [*head, *line((left, "info"), (figures, "dim"))]


def _user(row: JobRow, width: int) -> Line:
    """Left out where progress matters more."""
    return fit(line(f" {row.user}"), 9) if width >= NARROW else [Span(" ")]


def _queue(store: Store, width: int, room: int) -> list[Line]:
    rows = store.next()
    if not rows:
        return [line(("Nothing waits.", "dim"))]
    total = sum(store.counts().get(state, 0) for state in view.WAITING)
    return _some([_wait(row, width) for row in rows[:room]], max(total, len(rows)), room, "wait")


def _wait(row: JobRow, width: int) -> Line:
    job = row.as_map()
    return [
        *fit(line((f"{row.id:>6} ", "dim"), row.name or "no name"), min(max(width // 3, 22), 34)),
        *_user(row, width),
        *fit(line((view.resources(job), "dim")), 12),
        *line((f"{row.state} ", view.STYLES[row.state]), (row.waiting_for or "", "warn")),
    ]


def _some(made: list[Line], total: int, room: int, verb: str) -> list[Line]:
    if total <= room:
        return made
    return [*made[: max(room - 1, 0)], line((f"{'':>6} and {total - max(room - 1, 0)} more {verb}", "dim"))]


# -- services and events ------------------------------------------------------------------------

SERVICE_STYLES = {"ready": "good", "failed": "bad", "backoff": "warn", "starting": "info", "stopped": "dim"}


def _services(store: Store, width: int, now: float) -> list[Line]:
    """Those in trouble first."""
    order = {"failed": 0, "backoff": 1, "starting": 2}
    found = sorted(
        store.status.get("services") or (),
        key=lambda one: (order.get(one["state"], 3), one["owner"] == "labd", one["name"]),
    )
    made = []
    for one in found:
        owner = "" if one["owner"] in ("labd", one["name"]) else f" of {one['owner']}"
        again = f" {one['restarts']} restarts" if one["restarts"] else ""
        made.append(
            [
                *fit(line(one["name"], (owner, "dim")), min(max(width // 3, 16), 24)),
                *line(
                    (f" {one['state']:<9}", SERVICE_STYLES.get(one["state"], "")),
                    (f" {span(now - one['since']):>6}", "dim"),
                    (again, "warn"),
                    (f"  {one['last_error']}" if one["last_error"] else "", "bad"),
                ),
            ]
        )
    return made


def _services_note(store: Store) -> str:
    found = store.status.get("services") or ()
    bad = [one["name"] for one in found if one["state"] in ("failed", "backoff")]
    return (
        f"{len(bad)} in trouble: {cut(', '.join(bad), 30)}"
        if bad
        else f"{len(found)} services well"
        if found
        else ""
    )


def _events(store: Store, width: int, room: int, now: float) -> list[Line]:
    newest = [store.events[-1 - i] for i in range(min(max(room, 0), len(store.events)))]
    return [event_line(event, now) for event in newest]


def event_line(event: dict[str, object], now: float) -> Line:
    """An event in one line: when, what, about what, why."""
    kind, data = str(event["kind"]), event["data"]
    about = what_about(kind, data)  # type: ignore[arg-type]
    cause = str(event.get("cause") or "")
    ago = span(max(now - float(str(event["time"])), 0.0))
    return line(
        (f"{ago:>6} ", "dim"),
        (f"{kind:<20} ", kind_style(kind)),
        about,
        (f"  {cause}" if cause else "", "dim"),
    )


def what_about(kind: str, data: dict[str, object]) -> str:
    """What an event is about: ``12``, ``map 3``, the name of a plugin or a service."""
    for key, word in (
        ("job", "job "),
        ("map", "map "),
        ("model", "model "),
        ("plugin", ""),
        ("name", ""),
        ("gpu", "GPU "),
    ):
        if key in data:
            return f"{word}{data[key]}"
    return ""


def kind_style(kind: str) -> str:
    """Good news, bad news, or neither."""
    what = kind.rpartition(".")[2]
    if what in ("failed", "lost", "timed_out", "unhealthy", "gone", "stalled", "backoff", "repaired"):
        return "bad"
    return "good" if what in ("succeeded", "ready", "back", "healed", "ended") else "info"


# -- notes --------------------------------------------------------------------------------------


def _counted(store: Store) -> str:
    counts = store.counts()
    shown = [s for s in (*view.LIVE, *view.ENDED) if counts.get(s)]
    return ", ".join(f"{counts[state]} {state.replace('_', ' ')}" for state in shown) or "no jobs"


def _waiting(store: Store) -> str:
    count = sum(store.counts().get(state, 0) for state in view.WAITING)
    return f"{count} wait" if count else ""


def _version(store: Store) -> str:
    up = store.status.get("uptime")
    return f"labd {store.status.get('labd', '')}, up {span(up)}" if up is not None else ""


def _count(number: float) -> str:
    return f"{number:.3g}" if number % 1 else f"{number:g}"
