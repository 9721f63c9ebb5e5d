"""``labctl model``: what it asks, and what it shows."""

import json
from typing import Any

import pytest

from labd.errors import ModelFailed, Overloaded
from tests.cli.conftest import Labctl
from tests.cli.fake import FakeDaemon

VIEW: dict[str, Any] = {
    "name": "digits", "version": "1", "state": "ready", "reason": "", "platform": "python",
    "inputs": [{"name": "x", "datatype": "FP32", "shape": [-1, 4]}],
    "outputs": [{"name": "y", "datatype": "FP32", "shape": [-1, 2]}],
    "max_batch_size": 16, "workers": 2, "ready_workers": 1, "newest": True, "pipeline": [],
    "streaming": False,
}  # fmt: skip
TIMES = {"count": 4, "seconds": 1.0, "bounds": [0.001, 0.01], "counts": [3, 1, 0]}
STATS: dict[str, Any] = {
    "name": "digits", "version": "1", "requests": 5, "failed": 1, "refused": 0, "expired": 0, "queued": 0,
    "rows": 8, "batches": 2, "latency": TIMES,
}  # fmt: skip


def test_models_are_a_table(daemon: FakeDaemon, run: Labctl) -> None:
    older = {**VIEW, "newest": False, "state": "failed", "reason": "no weights", "ready_workers": 0}
    daemon.on("model.list", {"models": [older, {**VIEW, "version": "2"}]})
    assert run("model").out == (
        "MODEL   VERSION    STATE   WORKERS  BATCH  PLATFORM  INFO\n"
        "digits  1 (older)  failed      0/2     16  python    no weights\n"
        "digits  2          ready       1/2     16  python\n"
    )
    assert json.loads(run("model", "--json").out)["models"][1]["version"] == "2"
    assert run("model", "-q").out == "digits\ndigits\n"
    assert run("model", "--format", "{name} {state}").out == "digits failed\ndigits ready\n"


def test_no_models_say_how_to_have_one(daemon: FakeDaemon, run: Labctl) -> None:
    daemon.on("model.list", {"models": []})
    assert "labctl model load NAME module:Class" in run("model").err


def test_load_says_what_the_options_say(
    daemon: FakeDaemon, run: Labctl, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir("/")
    daemon.on("model.load", {"model": VIEW})
    words = ["--workers", "2", "--arg", "scale=2", "--arg", "file=a b", "--set", "gpus=0.5", "--version", "7"]
    assert run("model", "load", "digits", "d:Digits", *words).out == "digits version 1 is ready, 2 workers.\n"
    assert daemon.params("model.load") == [{"model": "digits", "spec": {
        "target": "d:Digits", "workers": 2, "arguments": {"scale": 2, "file": "a b"}, "gpus": 0.5,
        "version": "7", "path": ["/"],
    }}]  # fmt: skip


def test_load_without_options_loads_what_is_known(daemon: FakeDaemon, run: Labctl) -> None:
    daemon.on("model.load", {"model": VIEW})
    run("model", "load", "digits")
    assert daemon.params("model.load") == [{"model": "digits", "spec": None}]


def test_a_pipeline_has_no_path(daemon: FakeDaemon, run: Labctl) -> None:
    daemon.on("model.load", {"model": {**VIEW, "workers": 0}})
    assert run("model", "load", "both", "--set", 'pipeline=["a", "b"]').out == "digits version 1 is ready.\n"
    assert daemon.params("model.load") == [{"model": "both", "spec": {"pipeline": ["a", "b"]}}]


@pytest.mark.parametrize(
    ("words", "params", "said"),
    [
        (("unload", "digits", "--version", "1"), {"version": "1"}, "Unloaded digits.\n"),
        (("reload", "digits"), {}, "digits version 1 is ready, 2 workers.\n"),
        (("scale", "digits", "3"), {"workers": 3}, "digits version 1 is ready, 2 workers.\n"),
    ],
)
def test_changes_are_asked_for_and_told(
    daemon: FakeDaemon, run: Labctl, words: tuple[str, ...], params: dict[str, Any], said: str
) -> None:
    daemon.on(f"model.{words[0]}", {"model": VIEW})
    assert run("model", *words).out == said
    assert daemon.params(f"model.{words[0]}") == [{"model": "digits", **params}]
    assert json.loads(run("model", *words, "--json").out) == {"version": 1, "model": VIEW}


def test_show_has_everything_that_is_known(daemon: FakeDaemon, run: Labctl) -> None:
    daemon.on(
        "model.show", {"model": VIEW, "spec": {"target": "d:Digits", "memory": 2**30, "arguments": {"a": 1}}}
    )
    shown = run("model", "show", "digits").out
    for words in ("x FP32 [-1, 4]", "1 of 2 ready", "d:Digits", "1G", "a=1", "at most 16 rows"):
        assert words in shown
    assert json.loads(run("model", "show", "digits", "--json").out)["spec"]["memory"] == 2**30


def test_stats_are_a_line_for_each(daemon: FakeDaemon, run: Labctl) -> None:
    daemon.on("model.stats", {"models": [STATS]})
    assert run("model", "stats").out == (
        "MODEL   VERSION  REQUESTS  FAILED  ROWS/BATCH   P50    P99\n"
        "digits  1               5       1         4.0  1 ms  10 ms\n"
    )


def test_bench_asks_with_zeros_and_tells_how_long_it_took(daemon: FakeDaemon, run: Labctl) -> None:
    daemon.on("model.show", {"model": VIEW, "spec": {}})
    daemon.on("model.infer", {"outputs": []})
    found = json.loads(run("model", "bench", "digits", "--clients", "2", "--seconds", "0.2", "--json").out)
    assert (found["model"], found["clients"], found["errors"]) == ("digits", 2, 0)
    assert found["requests"] > 0
    assert 0 < found["p50"] <= found["p99"]
    [one] = daemon.params("model.infer")[0]["inputs"]
    assert one == {"name": "x", "datatype": "FP32", "shape": [1, 4], "data": bytes(16)}


def test_a_bench_that_only_fails_says_why(daemon: FakeDaemon, run: Labctl) -> None:
    daemon.on("model.show", {"model": VIEW, "spec": {}})
    daemon.on("model.infer", Overloaded("the queue is full"))
    done = run("model", "bench", "digits", "--seconds", "0.1")
    assert done.code == 1
    assert "the queue is full" in done.err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("show",), "which model?"),
        (("scale", "digits"), "how many workers?"),
        (("scale", "digits", "two"), "how many workers?"),
        (("load", "digits", "--arg", "scale"), "is not KEY=VALUE"),
        (("loda", "digits"), "there is no 'loda'"),
    ],
)
def test_wrong_words_are_refused(daemon: FakeDaemon, run: Labctl, words: tuple[str, ...], said: str) -> None:
    done = run("model", *words)
    assert done.code == 2
    assert said in done.err


def test_an_error_of_the_daemon_is_told(daemon: FakeDaemon, run: Labctl) -> None:
    daemon.on("model.load", ModelFailed("model digits did not come up", hint="look at it"))
    done = run("model", "load", "digits")
    assert (done.code, done.out) == (1, "")
    assert "did not come up" in done.err
