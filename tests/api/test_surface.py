"""What plugins may rely on: API 1 is written down here, so that no change to it goes unnoticed."""

import inspect
import subprocess
import sys

import msgspec
import pytest

import labd.api
from labd.api import (
    JobKind,
    JobSpec,
    JobView,
    Method,
    Mount,
    Notifier,
    Response,
    Restart,
    Role,
    Route,
    Service,
    ServiceState,
)
from labd.api.hookspecs import LabdHooks
from labd.daemon.plugin_check import HOOKS

API_1 = {
    "labd_settings": (),
    "labd_job_kinds": ("node",),
    "labd_notifiers": ("node",),
    "labd_engines": ("node",),
    "labd_methods": ("node",),
    "labd_http_routes": ("node",),
    "labd_metrics": ("node",),
    "labd_model_loaders": ("node",),
    "labd_services": ("node",),
}


def test_the_hooks_of_api_1_take_what_they_took():
    taken = {name: tuple(inspect.signature(getattr(LabdHooks, name)).parameters)[1:] for name in HOOKS}
    assert labd.api.LABD_API == 1
    assert taken == API_1


@pytest.mark.parametrize("name", HOOKS)
def test_every_hook_says_when_it_is_called_since_when_and_gives_an_example(name):
    text = inspect.getdoc(getattr(LabdHooks, name))
    assert "Called " in text
    assert "Since API 1." in text
    assert "@hookimpl" in text


@pytest.mark.parametrize("name", HOOKS)
def test_hooks_are_plain_functions(name):
    assert not inspect.iscoroutinefunction(getattr(LabdHooks, name))


def test_what_is_exported_is_there():
    assert [name for name in labd.api.__all__ if not hasattr(labd.api, name)] == []


def test_fields_of_descriptions_may_be_added_at_the_end_only():
    assert Service.__struct_fields__ == ("name", "run", "restart", "critical")
    assert Method.__struct_fields__ == ("name", "handler", "params", "role", "doc", "lasts")
    assert JobKind.__struct_fields__ == ("name", "build", "params", "doc")
    assert Notifier.__struct_fields__ == ("name", "send", "settings", "doc")
    assert Route.__struct_fields__ == ("method", "path", "handler", "role", "doc", "quick", "max_body")
    assert Mount.__struct_fields__ == ("prefix", "app", "role", "doc", "max_body")
    assert Response.__struct_fields__ == ("body", "status", "content_type", "headers", "endless")
    assert Restart.__struct_fields__ == (
        "when", "first_delay", "max_delay", "burst", "interval", "start_timeout", "stop_timeout",
    )  # fmt: skip


def test_the_states_of_a_service_are_words():
    assert [str(state) for state in ServiceState] == ["starting", "ready", "backoff", "failed", "stopped"]


def test_each_role_includes_the_ones_before():
    assert Role.NONE < Role.VIEW < Role.SUBMIT < Role.OPERATE < Role.ADMIN


def test_a_view_shows_at_least_what_was_shown_in_api_1():
    assert {"id", "name", "state", "exit_code", "waiting_for", "progress"} <= set(JobView.__struct_fields__)


@pytest.mark.parametrize("thing", [JobSpec(), Restart(), Service("a", print), Method("a.b", print)])
def test_descriptions_cannot_be_changed(thing):
    with pytest.raises(AttributeError):
        setattr(thing, thing.__struct_fields__[0], None)


def test_the_api_brings_nothing_of_the_daemon_with_it():
    code = """
import sys, labd.api
known = {"labd", "labd.api", "labd.errors", "labd.blocks", "labd.process", "labd.process.claim"}
print(*[n for n in sys.modules if n.startswith("labd") and n not in known and not n.startswith("labd.api.")])
print(*sorted({"trio", "asyncio", "numpy", "textual"} & set(sys.modules)))
"""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120
    )
    assert done.stdout.split() == []


def test_a_spec_can_be_described_to_a_client():
    described = msgspec.json.schema(JobSpec)["$defs"]["JobSpec"]["properties"]
    assert set(described) == set(JobSpec.__struct_fields__)
