"""``labctl plugins`` with an action: what it asks, and what it says."""

import json
from typing import Any

import pytest

from labd.cli.plugged import plugin_rows
from labd.cli.render import Terminal
from tests.cli.conftest import Labctl
from tests.cli.fake import FakeDaemon

HELLO = {"name": "hello", "version": "0.1", "state": "loaded", "error": ""}
STEPS = [{"do": "stop", "what": "service hello"}, {"do": "load", "what": "plugin hello 0.1"}]


def changed(**more: Any) -> dict[str, Any]:
    return {"plugin": HELLO, "changed": True, "would": None, **more}


@pytest.mark.parametrize(
    ("action", "said"),
    [
        ("enable", "Enabled hello 0.1, until labd ends; plugins.enabled in labd.toml is for good.\n"),
        ("disable", "Disabled hello 0.1, until labd ends; plugins.disabled in labd.toml is for good.\n"),
        ("reload", "Reloaded hello 0.1.\n"),
    ],
)
def test_a_change_is_asked_for_and_told(daemon: FakeDaemon, run: Labctl, action: str, said: str) -> None:
    daemon.on(f"plugin.{action}", changed())
    assert run("plugins", action, "hello").out == said
    assert daemon.params(f"plugin.{action}") == [{"plugin": "hello", "dry_run": False}]
    assert json.loads(run("plugins", action, "hello", "--json").out) == {"version": 1, **changed()}
    assert run("plugins", action, "hello", "-q").out == "hello\n"


def test_a_change_that_is_none_says_so(daemon: FakeDaemon, run: Labctl) -> None:
    daemon.on("plugin.enable", changed(changed=False))
    assert run("plugins", "enable", "hello").out == "Nothing to do: plugin hello is loaded.\n"


def test_a_dry_run_shows_the_steps(daemon: FakeDaemon, run: Labctl) -> None:
    daemon.on("plugin.reload", changed(changed=False, would=STEPS))
    shown = run("plugins", "reload", "hello", "--dry-run").out
    assert shown == "Would stop service hello.\nWould load plugin hello 0.1.\n"
    assert daemon.params("plugin.reload") == [{"plugin": "hello", "dry_run": True}]
    daemon.on("plugin.enable", changed(changed=False, would=[]))
    assert (
        run("plugins", "enable", "hello", "--dry-run").out
        == "Would change nothing: plugin hello is loaded.\n"
    )


def test_settings_are_a_table_with_their_origins(daemon: FakeDaemon, run: Labctl) -> None:
    setting = {"accepts": "text", "required": False, "default": "Hello", "doc": "What to say."}
    settings = [
        {"key": "greeting", "value": "Hi", "origin": "labd.toml:3", **setting},
        {**setting, "key": "url", "value": "***", "origin": "env X", "required": True, "default": None},
    ]
    daemon.on("plugin.config", {"plugin": "hello", "settings": settings})
    assert run("plugins", "config", "hello").out == (
        "SETTING   VALUE  DEFAULT     FROM         WHAT IT MEANS\n"
        "greeting  Hi     Hello       labd.toml:3  What to say.\n"
        "url       ***    (required)  env X        What to say.\n"
    )
    assert json.loads(run("plugins", "config", "hello", "--json").out)["settings"] == settings
    assert run("plugins", "config", "hello", "-q").out == "greeting\nurl\n"
    daemon.on("plugin.config", {"plugin": "hello", "settings": []})
    assert run("plugins", "config", "hello").err == "Plugin hello has no settings.\n"


def test_hooks_are_a_table(daemon: FakeDaemon, run: Labctl) -> None:
    hook = {
        "name": "labd_x",
        "signature": "labd_x(node) -> X",
        "doc": "Offer ``x``.\n\nMore.",
        "plugins": ["a", "b"],
    }
    daemon.on("plugin.hooks", {"hooks": [hook]})
    assert run("plugins", "hooks").out == (
        "HOOK    PLUGINS  SIGNATURE    WHAT IT DOES\nlabd_x  a, b     (node) -> X  Offer `x`.\n"
    )
    assert json.loads(run("plugins", "hooks", "--json").out)["hooks"] == [hook]


def test_the_trace_is_switched(daemon: FakeDaemon, run: Labctl) -> None:
    daemon.on("plugin.trace", {"plugin": HELLO})
    assert run("plugins", "trace", "hello", "on").out == "What plugin hello does goes to labd's log.\n"
    assert run("plugins", "trace", "hello", "off").out == "What plugin hello does is not logged any more.\n"
    assert [params["on"] for params in daemon.params("plugin.trace")] == [True, False]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["enable"], "plugins enable: which plugin?"),
        (["config"], "plugins config: which plugin?"),
        (["trace", "hello"], "plugins trace: on or off?"),
        (["enable", "hello", "on"], "plugins enable takes one name"),
        (["hooks", "hello"], "there is nothing to do with 'hello'"),
        (["enabel", "hello"], "there is no 'enabel'\n  hint: did you mean `enable`?"),
        (["trace", "hello", "onn"], "there is no 'onn'"),
        (["--dry-run"], "--dry-run is for enable, disable and reload"),
        (["config", "hello", "--dry-run"], "--dry-run is for enable, disable and reload"),
    ],
)
def test_a_wrong_line_is_refused_before_anybody_is_asked(
    daemon: FakeDaemon, run: Labctl, words: list[str], said: str
) -> None:
    done = run("plugins", *words)
    assert (done.code, said in done.err) == (2, True), done.err
    assert not [name for name, _ in daemon.calls if name.startswith("plugin.")]


def test_what_goes_wrong_while_a_plugin_runs_stands_beside_it() -> None:
    figures = {"restarts": 2, "stalls": 3, "worst_stall": 0.25, "last_fault": "method hello.greet failed: x"}
    services = [{"name": "hello-tick", "state": "ready"}]
    head, row = plugin_rows([{**HELLO, **figures, "services": services}], Terminal())
    assert head.split() == ["NAME", "VERSION", "STATE", "SERVICES", "RESTARTS", "ERROR"]
    assert row.endswith(
        "hello-tick ready         2  held the loop 3 times, up to 250 ms; method hello.greet failed: x"
    )
