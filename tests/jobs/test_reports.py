"""Reports: whole lines count, nonsense is passed over, the newest value wins."""

import math
import os

import trio
import trio.testing
from hypothesis import given
from hypothesis import strategies as st

from labd.jobs.reports import MAX_ARTIFACTS, Artifact, Latest, Report, Reports, parse, read, summary
from labd.jobs.watch import Watcher
from tests.support import wait_until_async

LINE = b'{"time": 1.5, "progress": 0.25, "metrics": {"loss": 2.0}}\n'


@given(st.integers(0, len(LINE) * 2))
def test_a_half_written_line_waits_for_its_end(cut):
    data = (LINE * 2)[:cut]
    reports, whole = parse(data)
    assert len(reports) == data.count(b"\n")
    assert whole == len(LINE) * len(reports)


def test_what_is_not_a_report_is_passed_over():
    reports, whole = parse(b"hello\n\xff\xfe\n[1]\n" + LINE + b'{"progress": "much"}\n')
    assert [r.progress for r in reports] == [0.25]
    assert whole > len(LINE)


@given(st.binary(max_size=300))
def test_no_bytes_can_hurt(data):
    parse(data)


def test_the_newest_value_of_each_metric_counts_and_nonsense_does_not():
    latest = Latest(1)
    latest.take(Report(progress=0.5, metrics={"loss": 3.0, "acc": 0.1}, message="hi"))
    latest.take(Report(progress=7.0, metrics={"loss": 2.0, "acc": math.nan, "gone": None}))
    assert (latest.progress, latest.metrics, latest.message) == (0.5, {"loss": 2.0, "acc": 0.1}, "hi")


def test_an_endless_line_is_not_read_again_and_again(tmp_path):
    (tmp_path / "report.ndjson").write_bytes(b"x" * 100_000)
    first, offset = read(str(tmp_path))
    assert (first, offset > 65_536) == ([], True)
    assert read(str(tmp_path), offset) == ([], offset)  # what is left may still become a line
    assert read(str(tmp_path / "absent")) == ([], 0)


def test_what_an_ended_job_said_last_can_be_read(tmp_path):
    (tmp_path / "report.ndjson").write_bytes(LINE + b'{"metrics": {"acc": 0.9}}\n')
    latest = summary(str(tmp_path), 2)
    assert (latest.attempt, latest.progress, latest.metrics) == (2, 0.25, {"loss": 2.0, "acc": 0.9})


async def test_a_running_job_is_followed(tmp_path, nursery):
    path, told = tmp_path / "report.ndjson", []
    path.write_bytes(LINE)
    watcher = Watcher(lambda: None)
    await nursery.start(watcher.run)
    reports = Reports(watcher, lambda job, data: told.append(data))
    reports.follow(7, 1, str(tmp_path))
    assert reports.latest(7).progress == 0.25  # what was there already
    with path.open("ab") as file:
        file.write(LINE.replace(b"0.25", b"0.75"))
    await wait_until_async(lambda: reports.latest(7).progress == 0.75)
    assert told[-1]["job"] == 7
    reports.forget(7)
    assert reports.latest(7) is None
    nursery.cancel_scope.cancel()
    await trio.lowlevel.checkpoint_if_cancelled()


def test_results_are_kept_by_their_paths_and_bounded():
    latest = Latest(1)
    for size in (1, 2):
        latest.take(Report(artifact=Artifact("/a", "model", size)))
    for number in range(1000):
        latest.take(Report(artifact=Artifact(f"/{number}")))
    assert latest.artifacts["/a"].size == 2
    assert len(latest.artifacts) == MAX_ARTIFACTS


def test_a_report_without_a_time_has_that_of_the_file(tmp_path):
    path = tmp_path / "report.ndjson"
    path.write_bytes(b'{"progress": 0.5}\n' + LINE)
    os.utime(path, (7.0, 7.0))
    assert [report.time for report in read(str(tmp_path))[0]] == [7.0, 1.5]


async def test_the_estimate_is_there_again_after_a_restart(tmp_path):
    path = tmp_path / "report.ndjson"
    path.write_bytes(b"".join(b'{"time": %d, "progress": %f}\n' % (t, t / 100) for t in range(0, 41, 10)))
    watcher = Watcher(lambda: None)
    reports = Reports(watcher, lambda job, data: None)
    reports.follow(7, 1, str(tmp_path))
    assert round(reports.latest(7).pace.left(40.0)) == 60
    reports.forget(7)
    watcher.close()
