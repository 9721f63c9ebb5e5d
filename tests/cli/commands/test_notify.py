"""``labctl notify`` and ``labctl submit --notify``."""

import json

import pytest

from tests.cli.conftest import Labctl
from tests.cli.fake import FakeDaemon, job

TARGETS = {
    "targets": [
        {"name": "lab-chat", "kind": "webhook", "waiting": 0, "error": ""},
        {"name": "mail", "kind": "apprise", "waiting": 3, "error": "cannot reach it"},
    ]
}


def test_the_targets_are_a_table(daemon: FakeDaemon, run: Labctl) -> None:
    daemon.on("notify.list", TARGETS)
    assert run("notify").out.splitlines() == [
        "TARGET    KIND     WAITING  ERROR",
        "lab-chat  webhook        0",
        "mail      apprise        3  cannot reach it",
    ]
    assert run("notify", "-q").out == "lab-chat\nmail\n"
    assert json.loads(run("notify", "--json").out) == {"version": 1, **TARGETS}


def test_without_targets_the_next_step_is_said(daemon: FakeDaemon, run: Labctl) -> None:
    daemon.on("notify.list", {"targets": []})
    assert "[notify.targets.NAME]" in run("notify").err


def test_a_try_says_what_became_of_it(daemon: FakeDaemon, run: Labctl) -> None:
    good = {"target": "mail", "sent": True, "error": "", "seconds": 0.25}
    bad = {"target": "mail", "sent": False, "error": "it answered 500", "seconds": 0.25}
    daemon.script("notify.test", good, bad)
    assert run("notify", "test", "mail") == (0, "Sent to mail in 0.2s.\n", "")
    assert run("notify", "test", "mail") == (1, "", "Not sent to mail: it answered 500\n")
    assert daemon.params("notify.test")[0] == {"target": "mail"}
    assert json.loads(run("notify", "test", "mail", "--json").out) == {"version": 1, **bad}


def test_a_try_needs_a_target(run: Labctl) -> None:
    assert run("notify", "test").code == 2


def test_a_submission_names_targets(daemon: FakeDaemon, run: Labctl) -> None:
    daemon.on("job.submit", {"job": job(), "created": True})
    run("submit", "--notify", "chat", "--notify", "failed:mail", "true")
    [params] = daemon.params("job.submit")
    assert params["spec"]["notify"] == [
        {"target": "chat", "when": "ended"},
        {"target": "mail", "when": "failed"},
    ]


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("strted:chat", "nothing is called strted; did you mean `started`?"),
        ("failed:", "names no target"),
        (":chat", "names no target"),
    ],
)
def test_a_wrong_word_is_refused(run: Labctl, word: str, said: str) -> None:
    code, _, err = run("submit", "--notify", word, "true")
    assert code == 2
    assert said in err
