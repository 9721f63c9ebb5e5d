"""Sizes and times as people write them."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labd.units import about_bytes, format_bytes, format_seconds, parse_bytes, parse_seconds


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("0", 0), ("1", 1), ("17B", 17), ("8G", 8 * 2**30), ("8g", 8 * 2**30), ("512MiB", 512 * 2**20),
        ("512 MiB", 512 * 2**20), (" 1K ", 1024), ("1KB", 1000), ("2TB", 2 * 10**12), ("1.5G", 3 * 2**29),
        ("0.5", 0), ("1e", 2**60), ("0.1K", 102),
    ],
)  # fmt: skip
def test_sizes_are_read(text, count):
    assert parse_bytes(text) == count


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("0", 0), ("90", 90), ("1.5", 1.5), ("1e-3", 0.001), ("90s", 90), ("1h30m", 5400), ("1h 30m", 5400),
        ("2d", 172_800), ("1w", 604_800), ("250ms", 0.25), ("1 hour 5 minutes", 3900),
        ("1.5h", 5400), ("5MIN", 300),
    ],
)  # fmt: skip
def test_times_are_read(text, seconds):
    assert parse_seconds(text) == seconds


@pytest.mark.parametrize(
    "text", ["", " ", "G", "8Q", "-1", "8GG", "1 2", "eight", "1e3", "0x10", "٣", "1.", ".5G", "9" * 40]
)
def test_other_text_is_no_size_and_the_error_says_what_is(text):
    with pytest.raises(ValueError, match="is not a size: write bytes, or a number with K, M"):
        parse_bytes(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "s",
        "-5s",
        "1x",
        "1h30",
        "1h1h",
        "1m 1min",
        "five",
        "inf",
        "nan",
        "1:30",
        "1e999",
        "1e999s",
        "٣s",
    ],
)
def test_other_text_is_no_time_and_the_error_says_what_is(text):
    with pytest.raises(ValueError, match="is not a time: write seconds, or numbers with ms, s"):
        parse_seconds(text)


@settings(deadline=None)
@given(st.integers(0, 2**63))
def test_any_size_reads_back_unchanged(count):
    assert parse_bytes(format_bytes(count)) == count


@settings(deadline=None)
@given(st.integers(0, 2**20), st.sampled_from([1024**power for power in range(7)]))
def test_any_round_size_reads_back_unchanged(count, scale):
    assert parse_bytes(format_bytes(count * scale)) == count * scale


@settings(deadline=None)
@given(st.floats(0, 1e12) | st.integers(0, 10**9).map(float))
def test_any_time_reads_back_unchanged(seconds):
    assert parse_seconds(format_seconds(seconds)) == seconds


@pytest.mark.parametrize(("count", "text"), [(0, "0B"), (1500, "1500B"), (2**22, "4MiB"), (2**60, "1EiB")])
def test_sizes_are_written_in_the_largest_exact_unit(count, text):
    assert format_bytes(count) == text


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0s"), (0.1, "0.1s"), (5400, "1h30m"), (90_061, "1d1h1m1s"), (1.5, "1.5s")]
)
def test_times_are_written_in_units(seconds, text):
    assert format_seconds(seconds) == text


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0 bytes"),
        (999, "999 bytes"),
        (2**30, "1 GiB"),
        (25_276_514_304, "23.5 GiB"),
        (2**60, "1.02e+03 PiB"),
    ],
)
def test_sizes_as_people_say_them(count, text):
    assert about_bytes(count) == text
