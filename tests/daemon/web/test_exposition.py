"""The text format, read back by a reader of the test's own."""

import re

from labd.daemon.web.exposition import Family, Sample, gauge, histograms, text
from labd.http.histogram import Histogram

LINE = re.compile(
    r'[a-zA-Z_:][a-zA-Z0-9_:]*(\{[a-z_]+="(?:[^"\\\n]|\\.)*"(,[a-z_]+="(?:[^"\\\n]|\\.)*")*\})? \S+'
)


def test_a_number_has_its_help_and_its_type():
    assert (
        text([gauge("labd_x", "What it is.", 1.5)])
        == "# HELP labd_x What it is.\n# TYPE labd_x gauge\nlabd_x 1.5\n"
    )


def test_names_in_labels_are_escaped():
    found = text([Family("x", "gauge", "a\nb", [Sample(1, {"name": 'a"b\\c\nd'})])])
    assert found.splitlines()[-1] == r'x{name="a\"b\\c\nd"} 1'
    assert LINE.fullmatch(found.splitlines()[-1])
    assert len(found.splitlines()) == 3


def test_what_has_no_number_is_left_out():
    assert text([Family("x", "gauge", "", [])]) == ""


def test_numbers_that_are_none():
    values = [float("nan"), float("inf"), float("-inf"), 1e300, 0.1, 3.0]
    found = text([Family("x", "gauge", "", [Sample(value) for value in values])])
    assert [line.split()[1] for line in found.splitlines()[2:5]] == ["NaN", "+Inf", "-Inf"]
    assert [float(line.split()[1]) for line in found.splitlines()[5:]] == values[3:]


def test_buckets_of_a_histogram_include_the_smaller_ones():
    one = Histogram((1.0, 2.0))
    for value in (0.5, 1.0, 1.5, 99):
        one.observe(value)
    lines = text([histograms("h", "", [({"a": "b"}, one)])]).splitlines()[2:]
    assert lines == [
        'h_bucket{a="b",le="1"} 2', 'h_bucket{a="b",le="2"} 3', 'h_bucket{a="b",le="+Inf"} 4',
        'h_sum{a="b"} 102', 'h_count{a="b"} 4',
    ]  # fmt: skip
