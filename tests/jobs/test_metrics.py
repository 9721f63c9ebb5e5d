"""Curves read from a file of reports."""

import json

import pytest
import trio

from labd.jobs import metrics
from labd.jobs.metrics import MAX_SERIES, Curves
from labd.jobs.reports import MAX_METRICS, Report


def curves(*reports: Report, names: list[str] | None = None) -> dict:
    made = Curves(names, 100)
    for report in reports:
        made.take(report)
    return made.as_map()


def test_steps_are_those_given_or_one_more_than_the_last():
    found = curves(
        Report(metrics={"a": 1.0}), Report(progress=0.5), Report(metrics={"a": 2.0}),
        Report(step=10.0, metrics={"b": 3.0}), Report(metrics={"a": 4.0}),
    )  # fmt: skip
    assert found["series"]["a"]["steps"] == [0, 1, 11]
    assert found["series"]["b"]["steps"] == [10]


def test_times_are_those_of_the_reports_or_none():
    found = curves(Report(time=5.0, metrics={"a": 1.0}), Report(metrics={"a": 2.0}))
    assert found["series"]["a"]["times"] == [5.0, None]


def test_only_what_was_asked_for_and_every_name():
    found = curves(Report(metrics={"a": 1.0, "b": None}), Report(metrics={"b": 2.0}), names=["b", "c"])
    assert found["names"] == ["a", "b"]
    assert list(found["series"]) == ["b"]
    assert (found["series"]["b"]["values"], found["series"]["b"]["not_finite"]) == ([2.0], 1)


def test_any_number_of_names_is_bounded():
    found = curves(*(Report(metrics={f"m{n}": 1.0}) for n in range(1000)))
    assert (len(found["names"]), len(found["series"])) == (MAX_METRICS, MAX_SERIES)


async def test_a_long_file_is_read_whole_in_parts(tmp_path):
    with (tmp_path / "report.ndjson").open("w") as file:
        for n in range(20_000):
            file.write(json.dumps({"time": 1.0 + n, "metrics": {"loss": 1 / (n + 1)}}) + "\n")
        file.write("garbage\n" + '{"metrics": {"loss": NaN, "acc": 1}}\n' + '{"metrics": {"lo')
    found = (await metrics.read(str(tmp_path), None, 100)).as_map()["series"]
    assert (found["loss"]["count"], found["loss"]["not_finite"]) == (20_000, 1)
    assert len(found["loss"]["values"]) <= 100
    assert (found["loss"]["values"][0], found["loss"]["steps"][-1]) == (1.0, 19_999)
    assert found["acc"]["values"] == [1.0]


async def test_without_a_file_there_are_no_curves(tmp_path):
    assert (await metrics.read(str(tmp_path), None, 100)).as_map() == {"names": [], "series": {}}


async def test_reading_ends_when_nobody_waits_any_more(tmp_path):
    (tmp_path / "report.ndjson").write_bytes(b'{"metrics": {"a": 1}}\n' * 200_000)
    with trio.CancelScope() as scope:
        scope.cancel()
        await metrics.read(str(tmp_path), None, 100)
    assert scope.cancelled_caught


def test_asking_for_nothing_makes_nothing():
    assert curves(Report(metrics={"a": 1.0}), names=[])["series"] == {}


@pytest.mark.parametrize(
    "line", [b'{"metrics": {"a": NaN, "b": 2}}', b'{"metrics": {"a": -Infinity, "b": 2}}']
)
def test_lines_of_libraries_that_write_nan_count(line):
    from labd.jobs.reports import parse

    [report], _ = parse(line + b"\n")
    assert report.metrics == {"a": None, "b": 2.0}
