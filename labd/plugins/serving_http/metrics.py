"""What the listener answered, for ``/metrics``. Pure."""

from collections.abc import Iterator
from itertools import accumulate

from labd.api import Family, Sample
from labd.http.histogram import Histogram
from labd.http.server import Tally


def families(tally: Tally, connections: int | None) -> Iterator[Family]:
    """Its requests by route and status, how long they took, and who is connected."""
    yield Family("labd_serving_http_requests_total", "counter", "Requests for models over HTTP.", [
        Sample(count, {"method": method, "route": route, "status": str(status)})
        for (method, route, status), count in sorted(tally.requests.items())
    ])  # fmt: skip
    yield Family("labd_serving_http_seconds", "histogram", "From a whole request to its answer.", [
        sample for route, one in sorted(tally.seconds.items()) for sample in _buckets(route, one)
    ])  # fmt: skip
    yield Family("labd_serving_http_refusals_total", "counter", "What was no request that could be read.", [
        Sample(count, {"status": str(status)}) for status, count in sorted(tally.refusals.items())
    ])  # fmt: skip
    if connections is not None:
        yield Family(
            "labd_serving_http_connections", "gauge", "Clients that are connected.", [Sample(connections)]
        )


def _buckets(route: str, one: Histogram) -> list[Sample]:
    sums = list(accumulate(one.counts))
    bounds = (*map(str, one.bounds), "+Inf")
    found = [
        Sample(n, {"route": route, "le": bound}, "_bucket") for n, bound in zip(sums, bounds, strict=True)
    ]
    return [*found, Sample(one.total, {"route": route}, "_sum"), Sample(sums[-1], {"route": route}, "_count")]
