"""Numbers of models for Prometheus. Pure."""

from collections.abc import Iterable, Sequence

from labd.api import Durations, ModelStatistics
from labd.http.histogram import Histogram
from labd.http.server import Tally

COUNTS = {
    "requests": "Requests for a model.", "succeeded": "Requests that were answered.",
    "failed": "Requests that the model failed.", "expired": "Requests whose deadline passed.",
    "cancelled": "Requests whose client left.", "refused": "Requests that were not taken.",
    "cached": "Requests that were answered from the cache.", "batches": "Batches that ran.",
    "split": "Batches that failed and were tried again one by one.", "retried": "Requests that ran again.",
    "rows": "Rows of all batches.", "bytes_in": "Bytes of requests.", "bytes_out": "Bytes of answers.",
}  # fmt: skip
GAUGES = {
    "queued": "Requests that wait.", "queued_bytes": "Bytes of requests that wait.",
    "oldest": "Seconds that the first in the queue has waited.", "in_flight": "Requests in a worker.",
}  # fmt: skip
TIMES = {
    "latency": "Seconds from arrival to answer.", "waiting": "Seconds in the queue.",
    "computing": "Seconds in a worker.",
}  # fmt: skip

Sample = tuple[str, dict[str, str], float]


def exposition(models: Sequence[ModelStatistics], tally: Tally | None) -> str:
    """All of it, as text."""
    blocks = [_block(f"labd_model_{n}_total", "counter", d, _of(models, n)) for n, d in COUNTS.items()]
    blocks += [_block(f"labd_model_{n}", "gauge", d, _of(models, n)) for n, d in GAUGES.items()]
    for name, doc in TIMES.items():
        found = [s for one in models for s in _durations(_labels(one), getattr(one, name))]
        blocks.append(_block(f"labd_model_{name}_seconds", "histogram", doc, found))
    blocks.append(_block("labd_model_released_total", "counter", "Why batches began.", _released(models)))
    blocks.append(_block("labd_model_batch_rows", "histogram", "Rows of a batch.", _sizes(models)))
    blocks.append(
        _block("labd_model_refusals_total", "counter", "Why requests were not taken.", _refusals(models))
    )
    return "".join(blocks) + (_http(tally) if tally is not None else "")


def _labels(one: ModelStatistics) -> dict[str, str]:
    return {"model": one.name, "version": one.version}


def _of(models: Sequence[ModelStatistics], name: str) -> list[Sample]:
    return [("", _labels(one), getattr(one, name)) for one in models]


def _released(models: Sequence[ModelStatistics]) -> list[Sample]:
    return [("", {**_labels(one), "why": why}, n) for one in models for why, n in one.released.items()]


def _refusals(models: Sequence[ModelStatistics]) -> list[Sample]:
    return [("", {**_labels(one), "code": code}, n) for one in models for code, n in one.refusals.items()]


def _sizes(models: Sequence[ModelStatistics]) -> list[Sample]:
    found: list[Sample] = []
    for one in models:
        bounds = (1, 2, 4, 8, 16, 32, 64, 128, 256)
        sizes = one.batch_sizes.items()
        counts = [
            sum(n for size, n in sizes if low < size <= high)
            for low, high in zip((0, *bounds), bounds, strict=False)
        ]
        counts.append(sum(n for size, n in sizes if size > bounds[-1]))
        found += _histogram(_labels(one), bounds, counts, sum(size * n for size, n in sizes))
    return found


def _durations(labels: dict[str, str], one: Durations) -> list[Sample]:
    return _histogram(labels, one.bounds, one.counts, one.seconds)


def _histogram(
    labels: dict[str, str], bounds: Iterable[float], counts: Sequence[int], total: float
) -> list[Sample]:
    found, sum_ = list[Sample](), 0
    for bound, count in zip((*map(str, bounds), "+Inf"), counts, strict=True):
        sum_ += count
        found.append(("_bucket", {**labels, "le": bound}, sum_))
    return [*found, ("_sum", labels, total), ("_count", labels, sum_)]


def _http(tally: Tally) -> str:
    requests = [
        ("", {"method": method, "route": route, "status": str(status)}, float(count))
        for (method, route, status), count in tally.requests.items()
    ]
    seconds = [s for route, one in tally.seconds.items() for s in _seconds(route, one)]
    return _block("labd_serving_http_requests_total", "counter", "Requests over HTTP.", requests) + _block(
        "labd_serving_http_seconds", "histogram", "Seconds from a whole request to its answer.", seconds
    )


def _seconds(route: str, one: Histogram) -> list[Sample]:
    return _histogram({"route": route}, one.bounds, one.counts, one.total)


def _block(name: str, kind: str, doc: str, samples: Iterable[Sample]) -> str:
    lines = [f"{name}{last}{{{_text(labels)}}} {value}" for last, labels, value in samples]
    return "\n".join([f"# HELP {name} {doc}", f"# TYPE {name} {kind}", *lines, ""]) if lines else ""


def _text(labels: dict[str, str]) -> str:
    return ",".join(f'{name}="{_escaped(value)}"' for name, value in labels.items())


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
