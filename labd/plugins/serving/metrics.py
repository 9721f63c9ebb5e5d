"""Models in numbers, as Prometheus asks for them. Pure."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import accumulate

from labd.api import Durations, Family, ModelStatistics, ModelView, Sample

Labels = dict[str, str]

COUNTERS: dict[str, tuple[str, Callable[[ModelStatistics], float]]] = {
    "labd_model_batches_total": ("Batches that workers had.", lambda s: s.batches),
    "labd_model_rows_total": ("Rows in them.", lambda s: s.rows),
    "labd_model_cached_total": ("Answers from the cache.", lambda s: s.cached),
    "labd_model_split_total": ("Requests repeated alone, since their batch failed.", lambda s: s.split),
    "labd_model_retried_total": ("Requests repeated, since their worker died.", lambda s: s.retried),
    "labd_model_received_bytes_total": ("Bytes of tensors that came.", lambda s: s.bytes_in),
    "labd_model_sent_bytes_total": ("Bytes of tensors that went.", lambda s: s.bytes_out),
}
GAUGES: dict[str, tuple[str, Callable[[ModelStatistics], float]]] = {
    "labd_model_queue_length": ("Requests that wait.", lambda s: s.queued),
    "labd_model_queue_bytes": ("Bytes that wait.", lambda s: s.queued_bytes),
    "labd_model_queue_age_seconds": ("How long the oldest request waits.", lambda s: s.oldest),
    "labd_model_in_flight": ("Requests that workers have.", lambda s: s.in_flight),
}
HISTOGRAMS: dict[str, tuple[str, Callable[[ModelStatistics], Durations]]] = {
    "labd_model_request_seconds": ("From arrival to answer.", lambda s: s.latency),
    "labd_model_queue_seconds": ("From arrival to a worker.", lambda s: s.waiting),
    "labd_model_batch_seconds": ("What batches took.", lambda s: s.computing),
}
SIZES = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024)


def families(views: Sequence[ModelView], found: Sequence[ModelStatistics]) -> Iterator[Family]:
    """Everything about models."""
    yield Family("labd_model_ready", "gauge", "1 for a model that answers.", [
        Sample(int(view.state == "ready"), {"model": view.name, "version": view.version}) for view in views
    ])  # fmt: skip
    yield Family("labd_model_requests_total", "counter", "Requests by how they ended.", [
        Sample(n, {**_labels(one), "outcome": outcome}) for one in found for outcome, n in _outcomes(one)
    ])  # fmt: skip
    for name, (help, value) in COUNTERS.items():
        yield Family(name, "counter", help, [Sample(value(one), _labels(one)) for one in found])
    for name, (help, value) in GAUGES.items():
        yield Family(name, "gauge", help, [Sample(value(one), _labels(one)) for one in found])
    for name, (help, spread) in HISTOGRAMS.items():
        yield Family(
            name, "histogram", help, [s for one in found for s in _buckets(_labels(one), spread(one))]
        )
    yield Family("labd_model_batch_size", "histogram", "Rows of batches.", [
        sample for one in found for sample in _sizes(one)
    ])  # fmt: skip
    yield Family("labd_model_released_total", "counter", "Why batches went to a worker.", [
        Sample(n, {**_labels(one), "reason": why}) for one in found for why, n in sorted(one.released.items())
    ])  # fmt: skip
    yield Family("labd_model_workers", "gauge", "Workers by what they do.", [
        Sample(sum(w.state == state for w in one.workers), {**_labels(one), "state": state})
        for one in found for state in ("starting", "ready", "busy")
    ])  # fmt: skip
    yield Family("labd_model_worker_restarts_total", "counter", "Workers that were replaced.", [
        Sample(sum(w.restarts for w in one.workers), _labels(one)) for one in found
    ])  # fmt: skip


def _labels(one: ModelStatistics) -> Labels:
    return {"model": one.name, "version": one.version}


def _outcomes(one: ModelStatistics) -> Iterable[tuple[str, int]]:
    ends = {
        "succeeded": one.succeeded,
        "failed": one.failed,
        "expired": one.expired,
        "cancelled": one.cancelled,
    }
    return [*ends.items(), *((f"refused_{code}", n) for code, n in sorted(one.refusals.items()))]


def _buckets(labels: Labels, found: Durations) -> list[Sample]:
    bounds = [*(f"{bound:g}" for bound in found.bounds), "+Inf"]
    sums = list(accumulate(found.counts))
    buckets = [Sample(n, {**labels, "le": bound}, "_bucket") for bound, n in zip(bounds, sums, strict=True)]
    return [*buckets, Sample(found.seconds, labels, "_sum"), Sample(found.count, labels, "_count")]


def _sizes(one: ModelStatistics) -> list[Sample]:
    labels = _labels(one)
    upto = [(str(size), sum(n for rows, n in one.batch_sizes.items() if rows <= size)) for size in SIZES]
    buckets = [Sample(n, {**labels, "le": size}, "_bucket") for size, n in [*upto, ("+Inf", one.batches)]]
    return [*buckets, Sample(one.rows, labels, "_sum"), Sample(one.batches, labels, "_count")]
