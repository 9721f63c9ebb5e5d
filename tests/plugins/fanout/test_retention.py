"""Which ended maps go."""

import pytest

from labd.plugins.fanout.retention import SETTLED, Kept, Limits, gone

DAY = 86_400.0
NOW = 100 * DAY
MAPS = [
    Kept(1, NOW - 50 * DAY, 10), Kept(2, None, 10), Kept(3, NOW - 60 * DAY, 10), Kept(4, NOW - 5, 10),
    Kept(5, NOW - 70 * DAY, 10),
]  # fmt: skip


@pytest.mark.parametrize(
    ("limits", "ids"),
    [
        (Limits(), []),
        (Limits(keep=55 * DAY), [3]),
        (Limits(keep=1.0), [3, 1]),
        (Limits(max_bytes=50), []),
        (Limits(max_bytes=49), [3]),
        (Limits(max_bytes=1), [3, 1]),
    ],
)
def test_the_oldest_go_and_never_what_is_unfinished_just_ended_or_the_newest(limits, ids):
    assert [one.id for one in gone(MAPS, limits, NOW)] == ids


def test_what_ended_within_a_day_stays():
    maps = [Kept(1, NOW - SETTLED + 1, 10), Kept(2, NOW - SETTLED, 10), Kept(3, NOW, 1)]
    assert [one.id for one in gone(maps, Limits(keep=1.0), NOW)] == [2]
