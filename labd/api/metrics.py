"""Numbers that a plugin adds to ``/metrics``."""

from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

import msgspec

Labels = Mapping[str, str]


class Sample(NamedTuple):
    """One number: *suffix* is added to the name of its family."""

    value: float
    labels: Labels = {}  # noqa: RUF012 - never changed
    suffix: str = ""


class Family(NamedTuple):
    """All numbers of one name. *kind* is counter, gauge, histogram or summary."""

    name: str
    kind: str
    help: str
    samples: Iterable[Sample]


class Metrics(msgspec.Struct, frozen=True):
    """What a plugin has to say whenever ``/metrics`` is asked for. Since API 1.

    ``collect()`` is called on the loop each time, and must be quick. Names begin with ``labd_`` and the
    plugin's name; those of histograms have the samples ``_bucket``, ``_sum`` and ``_count``.
    """

    collect: Callable[[], Iterable[Family]]
