"""``--begin``: moments as people write them."""

import argparse
import time

import pytest

from labd.cli.begin import begin
from tests.cli.fake import NOW

DAY = 86_400


@pytest.fixture(autouse=True)
def _now(monkeypatch: pytest.MonkeyPatch, utc: None) -> None:
    monkeypatch.setattr(time, "time", lambda: NOW)  # 14:13:20


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("+2h", NOW + 7200),
        ("+90", NOW + 90),
        ("+1d12h", NOW + 1.5 * DAY),
        ("18:30", NOW - 14 * 3600 - 800 + 18.5 * 3600),
        ("8:05", NOW - 14 * 3600 - 800 + DAY + 8 * 3600 + 300),
        ("14:13", NOW - 20 + DAY),
        ("14:14", NOW + 40),
        ("2026-09-22T14:13:20", NOW + DAY),
        ("2026-09-22 14:13:20", NOW + DAY),
        ("2026-09-22T14:13:20Z", NOW + DAY),
        ("2026-09-22T14:13:20+02:00", NOW + DAY - 7200),
        ("2026-09-22", NOW + DAY - 14 * 3600 - 800),
        ("2020-01-01T00:00", 1_577_836_800.0),
    ],
)
def test_a_moment_is_read(text: str, moment: float) -> None:
    assert begin(text) == moment


def test_a_time_of_day_is_local_also_over_a_change_of_the_clocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "Europe/Berlin")
    time.tzset()
    monkeypatch.setattr(
        time, "time", lambda: 1_774_738_800.0
    )  # 2026-03-29 00:00 +01:00, summer time from 2:00
    assert begin("08:00") == 1_774_738_800.0 + 7 * 3600
    assert begin("2026-03-29T08:00") == begin("08:00")


@pytest.mark.parametrize(
    "text", ["", "soon", "+", "+soon", "-2h", "24:00", "12:60", "1:2:3", "2026-13-01", "0001-01-01", "١٢:٣٠"]
)
def test_what_is_no_moment_is_shown_with_examples(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError) as caught:
        begin(text)
    assert str(caught.value) == f'"{text}" is no moment: write 2030-01-31T08:00, 18:30 or +2h'


@pytest.mark.parametrize("text", ["+11000d", "+1e300", "2999-01-01"])
def test_what_is_too_far_away_is_a_mistake(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match="more than ten years from now"):
        begin(text)
