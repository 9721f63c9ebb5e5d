"""``labctl plot``: which words are jobs and which are metrics, and what is drawn of them."""

import json
from pathlib import Path
from typing import Any

import pytest

from labd.cli.curves import Choice, choose
from labd.errors import NotFound
from labd.wire.blocking import Client
from tests.cli.conftest import Labctl
from tests.cli.fake import NOW, FakeDaemon, ended, job

METRICS = {7: ["loss", "val_loss", "acc"], 8: ["loss", "lr"], 9: []}


def series(scale: float = 1.0) -> dict[str, Any]:
    return {
        "steps": [float(n) for n in range(50)],
        "times": [NOW - 300 + n for n in range(50)],
        "values": [scale / (n + 1) for n in range(50)],
        "count": 50,
        "not_finite": 0,
    }


def curves(params: dict[str, Any]) -> dict[str, Any]:
    known = METRICS[params["job"]]
    names = known if params.get("names") is None else [n for n in params["names"] if n in known]
    return {"attempt": params.get("attempt") or 2, "names": known, "series": {n: series() for n in names}}


def known(ref: Any) -> int:
    number = {"train": 7, "sweep": 8, "last": 9}.get(ref, ref)
    if number not in METRICS:
        raise NotFound(f"there is no job {number!r}", hint="labctl status --all lists jobs")
    return int(number)


def shown(params: dict[str, Any]) -> dict[str, Any]:
    number = known(params["job"])
    tries = [{"number": n, "started": NOW - 300 * n} for n in (1, 2)]
    return {"job": ended(number, "succeeded", attempt=2), "attempts": tries}


@pytest.fixture
def reports(daemon: FakeDaemon) -> FakeDaemon:
    daemon.on("job.metrics", curves)
    daemon.on("job.show", shown)
    daemon.on("job.find", lambda params: {"ids": [known(ref) for ref in params["jobs"]]})
    return daemon


@pytest.mark.parametrize(
    ("words", "choice"),
    [
        (["7"], Choice([7], [])),
        (["7", "8"], Choice([7, 8], [])),
        (["train", "sweep", "loss"], Choice([7, 8], [["loss"]])),
        (["train", "loss", "sweep", "lr"], Choice([7, 8], [["loss"], ["lr"]])),
        (["7", "loss,val_loss", "acc"], Choice([7], [["loss", "val_loss"], ["acc"]])),
        (["7", "*loss", "7"], Choice([7], [["*loss"]])),
        (["loss"], None),
        (["7", "lr"], None),
    ],
)
def test_words_are_jobs_or_metrics(reports: FakeDaemon, words: list[str], choice: Choice | None) -> None:
    with Client(reports.path, 5) as client:
        if choice is not None:
            assert choose(client, words) == choice
        else:
            with pytest.raises(NotFound):
                choose(client, words)


def test_early_a_word_may_be_a_metric_to_come(reports: FakeDaemon) -> None:
    with Client(reports.path, 5) as client:
        assert choose(client, ["9", "loss"], early=True) == Choice([9], [["loss"]])


def test_an_unknown_word_is_named_with_the_nearest_metric(reports: FakeDaemon, run: Labctl) -> None:
    code, out, err = run("plot", "7", "los")
    assert (code, out) == (4, "")
    assert err == "labctl: not found: there is no metric and no job 'los'\n  hint: did you mean `loss`?\n"


def test_every_metric_has_a_panel(reports: FakeDaemon, run: Labctl) -> None:
    code, out, err = run("plot", "7")
    assert (code, err) == (0, "")
    assert [line for line in out.splitlines() if line in METRICS[7]] == METRICS[7]
    assert max(map(len, out.splitlines())) <= 80


def test_metrics_joined_by_a_comma_share_a_panel(reports: FakeDaemon, run: Labctl) -> None:
    out = run("plot", "7", "loss,val_loss", "--ascii", "--log").out
    assert out.splitlines()[:2] == ["loss, val_loss (log)", "* loss   + val_loss"]
    assert out.isascii()


def test_jobs_and_attempts_lie_over_each_other(reports: FakeDaemon, run: Labctl) -> None:
    legend = run("plot", "7", "8", "loss", "--attempt", "all").out.splitlines()[1]
    assert legend == "* 7 train attempt 1   + 7 train attempt 2   x 8 train attempt 1   o 8 train att…"
    assert [p["attempt"] for p in reports.params("job.metrics")[2:]] == [1, 2, 1, 2]


def test_over_time_counts_from_the_start_of_the_attempt(reports: FakeDaemon, run: Labctl) -> None:
    axis = run("plot", "7", "loss", "--x", "time").out.splitlines()[-1].split()
    assert (axis[0], axis[-1]) == ("5m", "time")  # attempt 2 began 600 s ago, its reports 300 s ago


def test_json_has_the_points(reports: FakeDaemon, run: Labctl) -> None:
    found = json.loads(run("plot", "7", "loss", "--json").out)
    assert list(found) == ["version", "runs"]
    [one] = found["runs"]
    assert list(one) == ["job", "name", "attempt", "started", "state", "series"]
    assert one["series"] == {"loss": series()}


def test_a_picture_is_written(reports: FakeDaemon, run: Labctl, tmp_path: Path) -> None:
    path = tmp_path / "c.svg"
    assert run("plot", "7", "loss", "-o", str(path)) == (0, "", f"Wrote {path}.\n")
    assert path.read_text().startswith("<svg ")
    assert "Job 7 train" in path.read_text()


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("-o", "c.pdf"), 2, "c.pdf: what kind of picture?"),
        (("-o", "/no/such/c.svg"), 1, "/no/such/c.svg: No such file or directory"),
        (("-f", "--json"), 2, "--follow draws in the terminal"),
        (("--attempt", "0"), 2, "no whole number above zero"),
    ],
)
def test_what_cannot_be_is_said(
    reports: FakeDaemon, run: Labctl, words: tuple[str, ...], code: int, said: str
) -> None:
    ran = run("plot", "7", *words)
    assert (ran.code, ran.out) == (code, "")
    assert said in ran.err


def test_a_job_without_metrics_leaves_with_4(reports: FakeDaemon, run: Labctl) -> None:
    code, out, err = run("plot", "last")
    assert (code, out) == (4, "")
    assert err.startswith("labctl: not found: job 9 reported no metrics\n")


def test_many_metrics_are_named_and_not_drawn(
    reports: FakeDaemon, run: Labctl, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(METRICS, 7, [f"m{n}" for n in range(6)])
    code, out, err = run("plot", "7")
    assert (code, out.count("step")) == (0, 4)
    assert err == "labctl: not drawn: m4, m5; name those that you want\n"


def test_values_that_a_logarithm_has_not_are_counted(reports: FakeDaemon, run: Labctl) -> None:
    reports.on("job.metrics", lambda params: {**curves(params), "series": {"loss": {**series(-1.0)}}})
    assert "reported no value above 0" in run("plot", "7", "loss", "--log").err
    reports.on("job.show", lambda params: {"job": job(7), "attempts": []})
    assert run("plot", "7", "loss").code == 0
