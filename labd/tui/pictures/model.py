"""A model at length: its queue, its batches, how long they take, its workers."""

from typing import Any

from labd.cli.modelled import milliseconds
from labd.cli.times import span
from labd.tui.served_models import Key, Models
from labd.tui.text import Line, Span, bar, line, pairs, spark, wrapped

STATES = {"ready": "good", "loading": "warn", "unloading": "warn", "failed": "bad", "unloaded": "dim"}
PARTS = (0.5, 0.9, 0.99)
STAGES = {"latency": "All", "waiting": "Waiting", "computing": "Computing"}
WELL = ("ready", "busy", "idle")
"""States of a worker that is as it should be."""

SIZES = 12
"""Sizes of batches that are shown, the most frequent."""


def model_lines(models: Models, key: Key, width: int) -> list[Line]:
    """Everything that is known of one version."""
    view, counted = models.views[key], models.now(key)
    made = _head(view, width)
    if counted is None:
        return made
    made += _requests(models, key, counted, width)
    made += _latency(models, key, counted, width)
    made += _batches(counted, width)
    return [*made, *_workers(counted, width), *_custom(counted, width)]


def _head(view: dict[str, Any], width: int) -> list[Line]:
    older = "" if view["newest"] else "  an older version"
    return [
        line((view["name"], "title"), f"  version {view['version']}  ",
             (view["state"], STATES.get(view["state"], "")), (older, "dim")),
        *(wrapped(view["reason"], width, "warn") if view["reason"] else []),
        [],
        *pairs(
            [
                ("Platform", view["platform"]),
                ("Takes", _tensors(view["inputs"])),
                ("Gives", _tensors(view["outputs"])),
                ("Stages", " → ".join(view["pipeline"])),
                ("Workers", f"{view['ready_workers']} of {view['workers']} ready" if view["workers"] else ""),
                ("Batch", f"at most {view['max_batch_size']} rows"),
            ],
            width,
            key=10,
        ),
    ]  # fmt: skip


def _requests(models: Models, key: Key, counted: dict[str, Any], width: int) -> list[Line]:
    refused = ", ".join(f"{count:,} {code}" for code, count in counted["refusals"].items())
    bad = [
        f"{counted[what]:,} {words}"
        for what, words in (("failed", "failed"), ("expired", "too late"), ("cancelled", "given up"))
        if counted[what]
    ]
    rate = models.rate(key)
    curve = spark(models.rates(key), min(max(width - 24, 8), 60))
    waits = f", the oldest for {milliseconds(counted['oldest'])}" if counted["queued"] else ""
    return [
        *_title("Requests", f"{counted['requests']:,}"),
        *pairs(
            [
                ("Rate", [Span(f"{rate:,.1f}/s ".rjust(12), "bold"), Span(curve, "info")]),
                ("Queue", f"{counted['queued']:,} wait{waits}; {counted['in_flight']:,} in work"),
                ("Not well", [Span(", ".join(bad), "bad")] if bad else ""),
                ("Refused", [Span(refused, "warn")] if refused else ""),
                ("Cached", f"{counted['cached']:,}" if counted["cached"] else ""),
            ],
            width,
            key=10,
        ),
    ]


def _latency(models: Models, key: Key, counted: dict[str, Any], width: int) -> list[Line]:
    if not counted["latency"]["count"]:
        return []
    head = "".join(f"{f'p{part * 100:g}':>12}" for part in PARTS)
    made = [*_title("How long it takes", "at most, lately"), line((f"{'':12}{head}", "dim"))]
    for what, name in STAGES.items():
        took = [milliseconds(models.took(key, what, part)) or "-" for part in PARTS]
        made.append(line((f"{name:<12}", "dim"), "".join(f"{one:>12}" for one in took)))
    return made


def _batches(counted: dict[str, Any], width: int) -> list[Line]:
    if not counted["batches"]:
        return []
    note = f"{counted['batches']:,}, {counted['rows'] / counted['batches']:.1f} rows each"
    sizes = {int(size): count for size, count in counted["batch_sizes"].items()}
    often = sorted(sorted(sizes, key=lambda size: -sizes[size])[:SIZES])
    top = max(sizes.values())
    made = _title("Batches", note)
    for size in often:
        full, empty = bar(sizes[size] / top, min(max(width - 24, 8), 40))
        made.append([Span(f"{size:>5} rows  ", "dim"), Span(full, "bar"), Span(empty, "faint"),
                     Span(f" {sizes[size]:,}")])  # fmt: skip
    released = ", ".join(f"{count:,} {why}" for why, count in counted["released"].items())
    again = ", ".join(f"{counted[what]:,} {what}" for what in ("split", "retried") if counted[what])
    return [*made, *pairs([("Sent when", released), ("Again", again)], width, key=10)]


def _workers(counted: dict[str, Any], width: int) -> list[Line]:
    if not counted["workers"]:
        return []
    made = _title("Workers", str(len(counted["workers"])))
    made.append(
        line((f"{'':18}{'PID':>8} {'GPU':>4} {'BATCHES':>9} {'ROWS':>9} {'BUSY':>7} {'ENDED':>6}", "dim"))
    )
    return [*made, *(_worker(one) for one in sorted(counted["workers"], key=lambda one: str(one["name"])))]


def _worker(one: dict[str, Any]) -> Line:
    device = "" if one["device"] < 0 else str(one["device"])
    did = f"{one['pid']:>8} {device:>4} {one['batches']:>9,} {one['items']:>9,}"
    return line(
        (f"{one['name'][:9]:<9}", "bold"),
        (f" {one['state'][:8]:<8}", "good" if one["state"] in WELL else "warn"),
        f"{did} {span(one['busy_seconds']):>7}",
        (f" {one['restarts'] or '':>6}", "bad"),
    )


def _custom(counted: dict[str, Any], width: int) -> list[Line]:
    if not counted["custom"]:
        return []
    values = [(name, f"{value:g}") for name, value in counted["custom"].items()]
    return [*_title("It recorded", "means"), *pairs(values, width)]


def _title(text: str, note: str = "") -> list[Line]:
    return [[], line((text, "title"), (f"  {note}" if note else "", "dim"))]


def _tensors(specs: list[dict[str, Any]]) -> str:
    return ", ".join(
        f"{one['name']} {one['datatype']}[{', '.join('any' if n < 0 else str(n) for n in one['shape'])}]"
        for one in specs
    )
