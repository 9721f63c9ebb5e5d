"""``labd.report``: one line a call inside a job, nothing elsewhere, and never an exception."""

import importlib
import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy
import pytest

import labd

MODULE = importlib.import_module("labd.report")


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "report.ndjson"
    monkeypatch.setenv("LABD_REPORT", str(path))
    monkeypatch.setattr(time, "time", lambda: 5.5)
    return path


@pytest.fixture(autouse=True)
def _nothing_was_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(MODULE, "_told", set())


def lines(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.read_text().splitlines()]


def test_outside_a_job_it_does_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("LABD_REPORT", raising=False)
    monkeypatch.chdir(tmp_path)
    labd.report(0.5, {"loss": 1})
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "way",
    [
        "import labd; labd.report(0.1); labd.report(0.2)",
        "import labd.report; labd.report(0.1); labd.report(0.2)",
        "from labd import report; import labd; report(0.1); labd.report(0.2)",
        "from labd.report import report; import labd; report(0.1); labd.report(0.2)",
    ],
)
def test_it_can_be_called_however_it_was_imported(file: Path, way: str) -> None:
    subprocess.run([sys.executable, "-c", way], check=True)
    assert [line["progress"] for line in lines(file)] == [0.1, 0.2]


def test_a_report_is_one_line(file: Path) -> None:
    labd.report(0.25, {"loss": 0.5}, "epoch 3")
    labd.report(epoch=4, loss=0.25)
    labd.report(1)
    assert lines(file) == [
        {"time": 5.5, "progress": 0.25, "message": "epoch 3", "metrics": {"loss": 0.5}},
        {"time": 5.5, "metrics": {"epoch": 4.0, "loss": 0.25}},
        {"time": 5.5, "progress": 1.0},
    ]


def test_numpys_numbers_count(file: Path) -> None:
    labd.report(numpy.float32(0.5), {"loss": numpy.array(2.0), "n": numpy.int64(3)})
    assert lines(file)[0] == {"time": 5.5, "progress": 0.5, "metrics": {"loss": 2.0, "n": 3.0}}


def test_what_is_not_finite_is_no_value(file: Path) -> None:
    labd.report(metrics={"loss": float("nan"), "max": float("inf"), "ok": 1})
    assert lines(file)[0]["metrics"] == {"loss": None, "max": None, "ok": 1.0}


def test_the_daemon_reads_what_is_written(file: Path) -> None:
    from labd.jobs.reports import parse

    labd.report(0.5, {"loss": float("nan"), "ok": 1}, "half\nway")
    reports, _ = parse(file.read_bytes())
    assert (reports[0].progress, reports[0].metrics) == (0.5, {"loss": None, "ok": 1.0})
    assert reports[0].message == "half\nway"


@pytest.mark.parametrize(
    ("progress", "metrics", "kept", "said"),
    [
        (1.5, {"a": 1}, {"metrics": {"a": 1.0}}, "progress is 1.5, not from 0 to 1"),
        (-0.1, {}, {}, "progress is -0.1, not from 0 to 1"),
        (float("nan"), {}, {}, "progress is nan, not from 0 to 1"),
        ("half", {}, {}, "progress is 'half', not a number"),
        (0.5, {"a": "x", "b": 2}, {"progress": 0.5, "metrics": {"b": 2.0}}, "a is 'x', not a number"),
        (0.5, {"a": None}, {"progress": 0.5}, "a is 'None', not a number"),
        (0.5, {"a": 10**400}, {"progress": 0.5}, "not a number"),
    ],
)
def test_a_wrong_value_is_left_out_and_said_once(
    file: Path,
    capsys: pytest.CaptureFixture[str],
    progress: Any,
    metrics: dict[str, Any],
    kept: dict[str, Any],
    said: str,
) -> None:
    labd.report(progress, metrics)
    labd.report(progress, metrics)
    assert lines(file) == [{"time": 5.5, **kept}] * 2
    err = capsys.readouterr().err
    assert err.count("\n") == 1
    assert err.startswith("labd.report: ")
    assert said in err


def test_too_many_metrics_are_left_out_and_said(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    labd.report(0.5, {f"layer{n}/gradient": n for n in range(1000)}, "x" * 5000)
    assert lines(file) == [{"time": 5.5, "progress": 0.5, "message": "x" * 1000}]
    assert "1000 metrics make a line of" in capsys.readouterr().err
    assert file.stat().st_size <= MODULE.MAX_LINE


@pytest.mark.parametrize("path", ["/no/such/folder/report.ndjson", "/dev/full", "/"])
def test_a_file_that_cannot_be_written_is_said_once(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], path: str
) -> None:
    monkeypatch.setenv("LABD_REPORT", path)
    labd.report(0.5)
    labd.report(0.5)
    assert capsys.readouterr().err.count("labd.report: ") == 1


def test_anything_at_all_does_not_raise(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Evil:
        def __float__(self) -> float:
            raise RuntimeError("no")

        def __str__(self) -> str:
            raise RuntimeError("no")

    monkeypatch.setattr("sys.stderr", None)
    labd.report(Evil())  # type: ignore[arg-type]
    labd.report(0.5, [1, 2], Evil())  # type: ignore[arg-type]


@pytest.mark.real
def test_several_processes_write_whole_lines(file: Path) -> None:
    often = "import labd; [labd.report(n / 100, {'process': %d}, 'x' * 500) for n in range(100)]"
    processes = [subprocess.Popen([sys.executable, "-c", often % number]) for number in range(4)]
    assert [process.wait(60) for process in processes] == [0, 0, 0, 0]
    found = lines(file)
    assert len(found) == 400
    assert {line["metrics"]["process"] for line in found} == {0, 1, 2, 3}


def test_a_step_says_where_the_metrics_belong(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    labd.report(step=numpy.int64(300), loss=0.5)
    labd.report(step="late", loss=0.4)
    labd.report(step=float("nan"), loss=0.3)
    assert [line.get("step") for line in lines(file)] == [300.0, None, None]
    assert "step is 'late', not a number" in capsys.readouterr().err


def test_results_are_lines_of_their_own(file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "model.pt").write_bytes(b"12345")
    (tmp_path / "run" / "plot.svg").write_bytes(b"1")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LABD_RUN_DIR", str(tmp_path / "run"))
    labd.report(artifact="model.pt")
    labd.report(1.0, artifact={"curve": "plot.svg", "all": tmp_path / "run"})
    assert [line.get("artifact") for line in lines(file)] == [
        {"name": "model.pt", "path": str(tmp_path / "model.pt"), "size": 5},
        None,
        {"name": "curve", "path": str(tmp_path / "run" / "plot.svg"), "size": 1},
        {"name": "all", "path": str(tmp_path / "run"), "size": None},
    ]


def test_a_result_that_is_not_there_is_said_and_left_out(
    file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "a").touch()
    labd.report(0.5, artifact=[tmp_path / "a", "/no/such/file"])
    assert [line["artifact"]["name"] for line in lines(file) if "artifact" in line] == ["a"]
    assert capsys.readouterr().err == "labd.report: artifact /no/such/file is not there\n"
