"""``--format``: fields, maps, numbers, times, and mistakes that are named."""

import csv
import io
from typing import Any

import pytest

from labd.cli.template import Csv, Template
from labd.errors import UsageError
from tests.cli.conftest import Labctl
from tests.cli.fake import NOW, FakeDaemon, job

RECORD: dict[str, Any] = {
    "id": 12, "name": "train", "cpus": 2.0, "share": 0.256, "nothing": None, "live": True, "tags": ["a", "b"],
    "metrics": {"loss": 0.5}, "odd": "a\x1b[2J\nb", "time": NOW,
}  # fmt: skip


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("{id} {name}", "12 train"),
        (r"{id}\t{name}\n--\\", "12\ttrain\n--\\"),
        ("{id:>5}|{name:<7}|", "   12|train  |"),
        ("{cpus} {share} {share:.1f} {share:.0%}", "2 0.256 0.3 26%"),
        ("[{nothing}] [{nothing:>3}] [{nothing:.1f}] {live}", "[] [   ] [] true"),
        ("{tags} {metrics} {metrics.loss} [{metrics.other}] [{name.x}]", 'a,b {"loss": 0.5} 0.5 [] []'),
        ("{{{id}}}", "{12}"),
        ("{odd}", r"a\x1b[2J\nb"),
        ("{time}", "1790000000"),
    ],
)
def test_each_record_becomes_text(text: str, line: str) -> None:
    assert list(Template(text).lines([RECORD])) == [line]


def test_a_time_takes_the_letters_of_strftime(utc: None) -> None:
    assert list(Template("{time:%Y-%m-%d %H:%M}").lines([RECORD])) == ["2026-09-21 14:13"]


@pytest.mark.parametrize("text", ["{id", "id}", "{}", "{id!r}", "plain", ""])
def test_wrong_braces_are_found_before_anybody_is_asked(run: Labctl, text: str) -> None:
    code, out, err = run("status", "--format", text)
    assert (code, out) == (2, "")
    assert err.startswith("labctl: wrong argument: --format: ")


def test_a_field_that_is_not_there_is_named_with_the_nearest_and_all(daemon: FakeDaemon, run: Labctl) -> None:
    daemon.on("job.show", {"job": job(12), "attempts": []})
    code, out, err = run("show", "12", "--format", "{sate}")
    assert (code, out) == (2, "")
    assert err.startswith(
        "labctl: wrong argument: --format: there is no field sate\n  hint: did you mean `state`?\n"
        "  hint: fields: id, name, kind, state, "
    )


def test_a_format_that_does_not_fit_the_value() -> None:
    with pytest.raises(UsageError, match=r"--format \{name:.1f\}: "):
        list(Template("{name:.1f}").lines([RECORD]))


def test_csv_has_the_names_on_top_and_reads_back() -> None:
    odd = {"id": 1, "name": 'a "b", c', "none": None, "tags": ["x", "y"]}
    lines = list(Csv().lines([odd, {"id": 2, "name": "é"}]))
    assert lines[0] == "id,name,none,tags"
    read = list(csv.DictReader(io.StringIO("\n".join(lines))))
    assert read[0] == {"id": "1", "name": 'a "b", c', "none": "", "tags": "x,y"}
    assert read[1]["name"] == "é"
    assert list(Csv().lines([])) == []


# -- commands ------------------------------------------------------------------------------------


@pytest.fixture
def answering(daemon: FakeDaemon) -> FakeDaemon:
    one = {"job": job(12), "attempts": [], "reasons": [], "held_by": [], "created": True}
    methods = ("show", "why", "submit", "cancel", "hold", "release", "pause", "resume", "requeue", "retry")
    for name in (*methods, "prioritise"):
        daemon.on(f"job.{name}", one)
    daemon.on("job.list", lambda params: {"jobs": [job(12)] if "running" in params["states"] else []})
    daemon.on("job.wait", {"jobs": [job(12, state="succeeded")]})
    daemon.on("plugin.list", {"plugins": [{"name": "hello", "state": "loaded"}]})
    daemon.on("methods", {"methods": [{"name": "job.list", "doc": "x"}]})
    daemon.on("daemon.doctor", {"checks": [{"name": "disk", "state": "ok"}]})
    event = {"seq": 3, "time": NOW, "kind": "job.started", "actor": "", "cause": "", "data": {"job": 12}}
    daemon.on("event.list", lambda p: {"events": [event] if (p.get("since") or 0) < 3 else [], "last": 3})
    return daemon


OF_JOBS = [
    ["status"], ["show", "12"], ["why", "12"], ["submit", "--format", "x{id}", "true"], ["cancel", "12"],
    ["hold", "12"], ["release", "12"], ["pause", "12"], ["resume", "12"], ["requeue", "12"], ["retry", "12"],
    ["prio", "1", "12"], ["wait", "12"], ["submit", "--wait", "--format", "x{id}", "true"],
]  # fmt: skip


@pytest.mark.parametrize("words", OF_JOBS, ids=" ".join)
def test_commands_about_jobs_take_it(answering: FakeDaemon, run: Labctl, words: list[str]) -> None:
    asked = words if "--format" in words else [*words, "--format", "x{id}"]
    done = run(*asked)
    assert (done.code, done.out) == (0, "x12\n")


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["plugins", "--format", "{name} {state}"], "hello loaded"),
        (["methods", "--format", "{name}: {doc}"], "job.list: x"),
        (["doctor", "--format", "{state} {name}"], "ok disk"),
        (["events", "--format", "{seq} {kind} {data.job}"], "3 job.started 12"),
        (["plugins", "--format", "csv"], "name,state\nhello,loaded"),
    ],
)
def test_other_commands_take_it(answering: FakeDaemon, run: Labctl, words: list[str], line: str) -> None:
    assert run(*words) == (0, f"{line}\n", "")


def test_it_is_not_json_at_the_same_time(run: Labctl) -> None:
    code, _, err = run("status", "--json", "--format", "csv")
    assert code == 2
    assert "--format and --json are two ways" in err
