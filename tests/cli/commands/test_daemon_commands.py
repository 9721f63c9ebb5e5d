"""``labctl plugins``, ``methods``, ``call`` and ``doctor``."""

import io
import json
from typing import Any

import pytest

from labd.cli.commands.methods import parameters
from labd.cli.plugged import plugin_rows
from labd.cli.render import Terminal
from labd.errors import NotFound
from tests.cli.conftest import Labctl
from tests.cli.fake import FakeDaemon

PLUGINS: list[dict[str, Any]] = [
    {
        "name": "hello",
        "version": "0.1.0",
        "distribution": "labd-hello",
        "api": 1,
        "module": "labd_hello",
        "hooks": ["labd_methods", "labd_services"],
        "state": "loaded",
        "error": "",
    },
    {
        "name": "broken",
        "version": "2.0",
        "distribution": "labd-broken",
        "api": None,
        "module": "labd_broken",
        "hooks": [],
        "state": "failed",
        "error": "ImportError: no module named numpyy, which it imports first of all",
    },
]

SCHEMA = {
    "$ref": "#/$defs/Log",
    "$defs": {
        "Log": {
            "title": "Log",
            "type": "object",
            "required": ["job"],
            "additionalProperties": False,
            "properties": {
                "job": {"anyOf": [{"type": "integer"}, {"type": "string"}]},
                "limit": {"type": "integer", "default": 65536},
                "states": {
                    "anyOf": [{"type": "array", "items": {"type": "string"}}, {"type": "null"}],
                    "default": None,
                },
                "how": {"enum": ["a", "b"]},
                "spec": {"$ref": "#/$defs/Spec"},
            },
        },
        "Spec": {"title": "Spec", "type": "object", "properties": {}},
    },
}

METHODS = [
    {"name": "job.log", "doc": "Bytes of a job's output.", "role": "view", "params": SCHEMA},
    {"name": "ping", "doc": "", "role": "none", "params": {"type": "object", "properties": {}}},
]

CHECKS = [
    {"name": "store", "state": "ok", "message": "1.2 ms for a commit", "hint": "never shown"},
    {"name": "disk", "state": "warn", "message": "3% free", "hint": "make room in /var/lib/labd"},
    {"name": "plugin broken", "state": "fail", "message": "ImportError", "hint": "uninstall it"},
]


def test_plugins_are_a_table_with_their_errors(daemon: FakeDaemon, run: Labctl) -> None:
    daemon.on("plugin.list", {"api": 1, "plugins": PLUGINS})
    assert run("plugins").out == (
        "NAME    VERSION  API  STATE   FROM         HOOKS              ERROR\n"
        "hello   0.1.0    1    loaded  labd-hello   methods, services\n"
        "broken  2.0           failed  labd-broken                     "
        "ImportError: no module named numpyy, which it imports first of all\n"
    )
    assert run("plugins", "-q").out == "hello\nbroken\n"
    assert json.loads(run("plugins", "--json").out) == {"version": 1, "api": 1, "plugins": PLUGINS}


def test_plugins_fit_80_columns() -> None:
    assert plugin_rows(PLUGINS, Terminal(width=80))[2] == (
        "broken  2.0           failed  labd-broken                     ImportError: no m…"
    )


def test_methods_are_a_table(daemon: FakeDaemon, run: Labctl) -> None:
    daemon.on("methods", {"methods": METHODS})
    assert (
        run("methods").out
        == "METHOD   ROLE  WHAT IT DOES\njob.log  view  Bytes of a job's output.\nping     none\n"
    )
    assert json.loads(run("methods", "--json").out) == {"version": 1, "methods": METHODS}


def test_one_method_shows_its_parameters(daemon: FakeDaemon, run: Labctl) -> None:
    daemon.on("methods", {"methods": METHODS})
    assert run("methods", "job.log").out.splitlines()[4:] == [
        "job     integer or string (required)",
        "limit   integer (default 65536)",
        "states  list of string or null",
        "how     'a' or 'b'",
        "spec    Spec",
    ]
    assert "It takes no parameters." in run("methods", "ping").out


def test_the_schemas_are_those_that_the_daemon_makes() -> None:
    import msgspec

    from labd.api import JobSpec

    found = dict(parameters(msgspec.json.schema(JobSpec)))
    assert found["argv"] == "list of string"
    assert found["gpus"] == "integer or number (default 0)"


def test_a_wrong_method_has_a_suggestion(daemon: FakeDaemon, run: Labctl) -> None:
    daemon.on("methods", {"methods": METHODS})
    code, _, err = run("methods", "job.logs")
    assert (code, err) == (
        4,
        "labctl: not found: there is no method job.logs\n  hint: did you mean `job.log`?\n",
    )


@pytest.mark.parametrize(
    ("words", "params"),
    [
        ([], {}),
        (
            ["job=12", "name=train", "states=[1]", "x=a=b"],
            {"job": 12, "name": "train", "states": [1], "x": "a=b"},
        ),
        (['{"job": 12}'], {"job": 12}),
        (["-"], {"from": "stdin"}),
    ],
)
def test_call_takes_json_or_words(
    daemon: FakeDaemon, run: Labctl, monkeypatch: pytest.MonkeyPatch, words: list[str], params: dict[str, Any]
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO('{"from": "stdin"}'))
    daemon.on("x", {"a": 1})
    assert run("call", "x", *words).out == '{"a": 1}\n'
    assert daemon.params("x") == [params]


def test_call_prints_json_whatever_the_answer_holds(daemon: FakeDaemon, run: Labctl) -> None:
    daemon.on("x", {"text": b"abc", "bytes": b"\xff", "nan": float("nan"), "list": [None]})
    assert json.loads(run("call", "x", "--json").out) == {
        "version": 1,
        "result": {"text": "abc", "bytes": {"base64": "/w=="}, "nan": None, "list": [None]},
    }


@pytest.mark.parametrize("words", [["{job: 1}"], ["[1]", "x"], ["job"]])
def test_call_with_wrong_parameters(run: Labctl, words: list[str]) -> None:
    assert run("call", "x", *words).code == 2


def test_call_of_no_method_passes_on_the_daemons_hint(daemon: FakeDaemon, run: Labctl) -> None:
    daemon.on("job.lst", NotFound("there is no method 'job.lst'", hint="did you mean job.list?"))
    assert run("call", "job.lst") == (
        4,
        "",
        "labctl: not found: there is no method 'job.lst'\n  hint: did you mean job.list?\n",
    )


def test_doctor_fails_when_a_check_does(daemon: FakeDaemon, run: Labctl) -> None:
    daemon.on("daemon.doctor", {"checks": CHECKS})
    code, out, _ = run("doctor")
    assert (code, out) == (
        1,
        (
            "ok    store: 1.2 ms for a commit\n"
            "warn  disk: 3% free\n      hint: make room in /var/lib/labd\n"
            "fail  plugin broken: ImportError\n      hint: uninstall it\n"
        ),
    )
    assert run("doctor", "-q").out == "fail  plugin broken: ImportError\n      hint: uninstall it\n"
    assert json.loads(run("doctor", "--json").out) == {"version": 1, "checks": CHECKS}


def test_doctor_is_content_with_warnings(daemon: FakeDaemon, run: Labctl) -> None:
    daemon.on("daemon.doctor", {"checks": CHECKS[:2]})
    assert run("doctor", "--quiet") == (0, "", "")
