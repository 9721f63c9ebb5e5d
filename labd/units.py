"""Sizes and times as people write them: ``8G``, ``512MiB``, ``1h30m``, ``90s``.

Pure, and only the standard library: labctl, the configuration and the daemon read them the same way.
``K M G T P E`` and ``KiB MiB ...`` are powers of 1024, ``KB MB ...`` are powers of 1000, ``B`` or no unit is
bytes. Times add up; no unit is seconds. Case does not matter.
"""

import re

_PREFIXES = "kmgtpe"
_SIZES: dict[str, int] = {"": 1, "b": 1}
for _power, _prefix in enumerate(_PREFIXES, start=1):
    _SIZES |= {_prefix: 1024**_power, f"{_prefix}ib": 1024**_power, f"{_prefix}b": 1000**_power}

_TIMES = {
    "ms": 0.001,
    **dict.fromkeys(("s", "sec", "second", "seconds"), 1.0),
    **dict.fromkeys(("m", "min", "minute", "minutes"), 60.0),
    **dict.fromkeys(("h", "hr", "hour", "hours"), 3600.0),
    **dict.fromkeys(("d", "day", "days"), 86_400.0),
    **dict.fromkeys(("w", "week", "weeks"), 604_800.0),
}

_SIZE = re.compile(r"([0-9]{1,30})(?:\.([0-9]{1,30}))?\s*([a-z]*)")
_TIME = re.compile(r"([0-9]{1,30}(?:\.[0-9]{1,30})?(?:e[+-]?[0-9]{1,3})?)\s*([a-z]+)\s*")
_NUMBER = re.compile(r"[0-9]{1,30}(?:\.[0-9]{1,30})?(?:e[+-]?[0-9]{1,3})?")


def parse_bytes(text: str) -> int:
    """Bytes in *text*; a fraction of a byte is dropped. Raises ValueError with what is accepted."""
    found = _SIZE.fullmatch(text.strip().lower())
    if found is None or found[3] not in _SIZES:
        raise ValueError(f'"{text}" is not a size: write bytes, or a number with K, M, G, T, KiB, MB ...')
    whole, fraction, unit = found[1], found[2] or "", found[3]
    scale: int = 10 ** len(fraction)
    return int(whole + fraction) * _SIZES[unit] // scale


def parse_seconds(text: str) -> float:
    """Seconds in *text*. Raises ValueError with what is accepted."""
    wanted = text.strip().lower()
    total = float(wanted) if _NUMBER.fullmatch(wanted) else _sum_of_parts(wanted)
    if total is None or total == float("inf"):
        raise ValueError(f'"{text}" is not a time: write seconds, or numbers with ms, s, m, h, d, w (1h30m)')
    return total


def _sum_of_parts(wanted: str) -> float | None:
    total, position, seen = 0.0, 0, set()
    while found := _TIME.match(wanted, position):
        scale = _TIMES.get(found[2])
        if scale is None or scale in seen:
            return None
        seen.add(scale)
        total += float(found[1]) * scale
        position = found.end()
    return total if seen and position == len(wanted) else None


def format_bytes(count: int) -> str:
    """*count* in the largest unit that says it exactly: ``8GiB``, ``1500B``. Read back unchanged."""
    for power in range(len(_PREFIXES), 0, -1):
        if count and count % 1024**power == 0:
            return f"{count // 1024**power}{_PREFIXES[power - 1].upper()}iB"
    return f"{count}B"


def format_seconds(seconds: float) -> str:
    """*seconds* exactly: ``1h30m``, ``0.25s``. Read back unchanged."""
    if seconds != int(seconds) or seconds < 1:
        return f"{seconds!r}s" if seconds else "0s"
    parts, rest = [], int(seconds)
    for unit, size in (("d", 86_400), ("h", 3600), ("m", 60), ("s", 1)):
        count, rest = divmod(rest, size)
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts)


def about_bytes(count: int) -> str:
    """*count* as people say it, to three digits: ``23.5 GiB``."""
    size, unit = float(count), "bytes"
    for bigger in ("KiB", "MiB", "GiB", "TiB", "PiB"):
        if size < 1000:
            break
        size, unit = size / 1024, bigger
    return f"{size:.3g} {unit}"


def about_seconds(seconds: float) -> str:
    """*seconds* as people say it, in its two largest units: ``3 h 2 min``, ``45 s``, ``0.3 s``."""
    if seconds < 10:
        return f"{max(seconds, 0.0):.1f} s"
    whole = round(seconds)
    for unit, size, lower, below in (("d", 86_400, "h", 3600), ("h", 3600, "min", 60), ("min", 60, "s", 1)):
        if whole >= size:
            rest = whole % size // below
            return f"{whole // size} {unit}" + (f" {rest} {lower}" if rest else "")
    return f"{whole} s"
