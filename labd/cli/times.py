"""Moments and spans of time as people read them. All take seconds."""

import time


def span(seconds: float) -> str:
    """A duration in its two largest units: ``3.2s``, ``45s``, ``3m05s``, ``1h02m``, ``3d04h``."""
    if seconds < 9.95:
        return f"{max(seconds, 0.0):.1f}s"
    whole = round(seconds)
    for unit, size, below, lower in (("d", 86_400, 3600, "h"), ("h", 3600, 60, "m"), ("m", 60, 1, "s")):
        if whole >= size:
            return f"{whole // size}{unit}{whole % size // below:02}{lower}"
    return f"{whole}s"


def ago(then: float, now: float) -> str:
    """``5m00s ago``, or ``in 5m00s`` for what is to come."""
    return f"in {span(then - now)}" if then > now else f"{span(now - then)} ago"


def clock(then: float) -> str:
    """Local wall-clock time, to the second."""
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(then))


def moment(then: float | None, now: float) -> str:
    """When, twice over: by the clock and from now. Empty for never."""
    return "" if then is None else f"{clock(then)} ({ago(then, now)})"
