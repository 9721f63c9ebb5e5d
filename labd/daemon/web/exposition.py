"""The text format of Prometheus: https://prometheus.io/docs/instrumenting/exposition_formats/. Pure."""

from collections.abc import Iterable
from itertools import accumulate

from labd.api.metrics import Family as Family
from labd.api.metrics import Labels
from labd.api.metrics import Sample as Sample
from labd.http.histogram import Histogram

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

_ESCAPES = str.maketrans({"\\": r"\\", '"': r"\"", "\n": r"\n"})


def gauge(name: str, help: str, value: float) -> Family:
    return Family(name, "gauge", help, [Sample(value)])


def counter(name: str, help: str, value: float) -> Family:
    return Family(name, "counter", help, [Sample(value)])


def histograms(name: str, help: str, found: Iterable[tuple[Labels, Histogram]]) -> Family:
    """A family of *found*, each under its labels."""
    return Family(
        name, "histogram", help, [sample for labels, one in found for sample in _buckets(labels, one)]
    )


def _buckets(labels: Labels, histogram: Histogram) -> list[Sample]:
    bounds = [*map(_number, histogram.bounds), "+Inf"]
    sums = list(accumulate(histogram.counts))
    buckets = [Sample(n, {**labels, "le": bound}, "_bucket") for bound, n in zip(bounds, sums, strict=True)]
    return [*buckets, Sample(histogram.total, labels, "_sum"), Sample(sums[-1], labels, "_count")]


def text(families: Iterable[Family]) -> str:
    """*families* as they are scraped; those without a number are left out."""
    return "".join(_family(family) for family in families)


def _family(family: Family) -> str:
    lines = [f"{family.name}{s.suffix}{_labels(s.labels)} {_number(s.value)}\n" for s in family.samples]
    if not lines:
        return ""
    help = family.help.replace("\\", r"\\").replace("\n", r"\n")
    return f"# HELP {family.name} {help}\n# TYPE {family.name} {family.kind}\n" + "".join(lines)


def _labels(labels: Labels) -> str:
    if not labels:
        return ""
    return "{" + ",".join(f'{name}="{value.translate(_ESCAPES)}"' for name, value in labels.items()) + "}"


def _number(value: float) -> str:
    """As Prometheus reads it: whole numbers without a fraction, NaN and infinities by name."""
    if isinstance(value, float) and value != value:
        return "NaN"
    if isinstance(value, float) and value in (float("inf"), float("-inf")):
        return "+Inf" if value > 0 else "-Inf"
    return str(int(value)) if value == int(value) else repr(float(value))
