"""Plugins of a real daemon: changed while it runs, broken in every way, and held to their word."""

import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from labd.errors import ConfigError, LabdError, NotFound, UsageError
from tests.daemon_process import DaemonProcess
from tests.site import Site
from tests.support import wait_until

pytestmark = pytest.mark.real

WORK = """
    import os
    import time

    import msgspec
    import trio
    from labd.api import JobKind, Method, Restart, Service, hookimpl

    WORD = "first"

    class Settings(msgspec.Struct, forbid_unknown_fields=True):
        times: int = 1

    class Params(msgspec.Struct):
        word: str = "x"

    @hookimpl
    def labd_settings():
        return Settings

    @hookimpl
    def labd_job_kinds(node):
        def build(params, spec):
            time.sleep(0.2 if params.word == "hog" else 0)
            return msgspec.structs.replace(spec, argv=("/bin/echo", params.word))
        return JobKind(f"{node.name}-kind", build, Params)

    @hookimpl
    def labd_methods(node):
        async def say(call, params):
            return WORD * node.config.times
        async def hog(call, params):
            time.sleep(0.2)
        async def fail(call, params):
            raise SystemExit(5)
        return [Method(f"{node.name}.{one.__name__}", one) for one in (say, hog, fail)]

    @hookimpl
    def labd_services(node):
        async def run(*, task_status):
            task_status.started()
            while True:
                await trio.sleep(0.05)
        return Service(node.name, run)
"""

BROKEN = {
    "missing": ("import no_such_module\n", "failed", "ModuleNotFoundError: No module named 'no_such_module'"),
    "quits": ("raise SystemExit('enough')\n", "failed", "SystemExit: enough"),
    "typo": (
        "from labd.api import hookimpl\n@hookimpl\ndef labd_servics(node): pass\n",
        "failed",
        "AttributeError: there is no hook labd_servics; did you mean labd_services?",
    ),
    "newer": ("LABD_API = 99\n", "incompatible", "needs plugin API 99, this labd offers 1"),
    "settings": (
        "from labd.api import hookimpl\n@hookimpl\ndef labd_settings(): raise OSError('no settings')\n",
        "failed",
        "OSError: no settings",
    ),
    "hook": (
        "from labd.api import hookimpl\n@hookimpl\ndef labd_methods(node): raise KeyError('k')\n",
        "failed",
        "KeyError: 'k'",
    ),
    "start": (
        "from labd.api import hookimpl, Restart, Service\n"
        "async def run(*, task_status): raise OSError('no start')\n"
        "@hookimpl\ndef labd_services(node):\n"
        "    return Service('start', run, Restart(burst=1, first_delay=0.01))\n",
        "broken",
        "service start gave up after 1 restart: OSError: no start",
    ),
    "running": (
        "import trio\nfrom labd.api import hookimpl, Restart, Service\n"
        "async def run(*, task_status):\n    task_status.started()\n    await trio.sleep(0.01)\n"
        "    raise SystemExit('no run')\n"
        "@hookimpl\ndef labd_services(node):\n"
        "    return Service('running', run, Restart(burst=1, first_delay=0.01))\n",
        "broken",
        "service running gave up after 1 restart: SystemExit: no run",
    ),
}


@pytest.fixture
def house() -> Iterator[tuple[DaemonProcess, Site]]:
    """A daemon that is not started, and the folder where it finds plugins; *work* and *other* are there."""
    with DaemonProcess() as daemon:
        site = Site(Path(daemon.folder, "site"))
        daemon.env["PYTHONPATH"] = str(site.folder)
        site.install("work", WORK)
        site.install("other", WORK)
        yield daemon, site


def plugin(daemon: DaemonProcess, name: str) -> dict[str, Any]:
    found: dict[str, dict[str, Any]] = {one["name"]: one for one in daemon.call("plugin.list")["plugins"]}
    return found[name]


def assert_untouched(daemon: DaemonProcess, name: str = "other") -> None:
    found = plugin(daemon, name)
    figures = [found[key] for key in ("state", "error", "restarts", "faults", "stalls")]
    assert figures == ["loaded", "", 0, 0, 0]
    assert [service["state"] for service in found["services"]] == ["ready"]
    assert daemon.call(f"{name}.say") == "first"


def test_labctl_changes_plugins_of_a_running_daemon(house: tuple[DaemonProcess, Site]) -> None:
    daemon, site = house
    daemon.start()
    assert "Would stop service work." in daemon.labctl("plugins", "disable", "work", "--dry-run").stdout
    done = daemon.labctl("plugins", "disable", "work")
    assert done.stdout == "Disabled work 1.0, until labd ends; plugins.disabled in labd.toml is for good.\n"
    with pytest.raises(NotFound):
        daemon.call("work.say")
    assert daemon.labctl("plugins", "disable", "work").stdout == "Nothing to do: plugin work is disabled.\n"
    assert json.loads(daemon.labctl("plugins", "enable", "work", "--json").stdout)["changed"] is True
    site.install("work", WORK.replace('"first"', '"second"'), version="1.1")
    assert daemon.labctl("plugins", "reload", "work").stdout == "Reloaded work 1.1.\n"
    assert daemon.call("work.say") == "second"
    told = ["plugin.disabled", "plugin.enabled", "plugin.reloaded"]
    wait_until(lambda: [event["kind"] for event in daemon.events("plugin.")] == told)
    assert_untouched(daemon)


def test_a_job_of_a_withdrawn_kind_that_waits_still_runs(house: tuple[DaemonProcess, Site]) -> None:
    daemon, _ = house
    daemon.start()
    spec = {"kind": "work-kind", "params": {"word": "built at submit"}, "hold": True, "cwd": "/"}
    job = daemon.call("job.submit", {"spec": spec})["job"]["id"]
    daemon.call("plugin.disable", {"plugin": "work"})
    with pytest.raises(UsageError, match="there is no job kind 'work-kind'"):
        daemon.call("job.submit", {"spec": spec})
    daemon.call("job.release", {"job": job})
    assert daemon.ended(job)[0]["state"] == "succeeded"
    assert daemon.labctl("logs", str(job)).stdout == "built at submit\n"


def test_a_hangup_takes_up_which_plugins_there_are_and_their_settings(
    house: tuple[DaemonProcess, Site],
) -> None:
    daemon, _ = house
    daemon.start()
    assert daemon.process is not None
    daemon.config.write_text("[plugins.work]\ntimes = 2\n")
    daemon.process.send_signal(signal.SIGHUP)
    wait_until(lambda: daemon.call("work.say") == "firstfirst")
    daemon.config.write_text("[plugins]\ndisabled = ['w*']\n")
    assert daemon.call("daemon.reload") == {"needs_restart": [], "plugins": ["work"]}
    assert plugin(daemon, "work")["error"] == "disabled in the configuration"
    assert_untouched(daemon)


def test_r24_a_mistake_in_the_settings_of_plugins_changes_nothing(house: tuple[DaemonProcess, Site]) -> None:
    daemon, _ = house
    daemon.start()
    daemon.config.write_text(
        "[jobs]\nmax_queued = 1\n[plugins.work]\ntimes = 2\ntims = 3\n[plugins.other]\ntimes = 'x'\n"
    )
    for method, params, keys in (
        ("daemon.reload", {}, ["plugins.work.tims", "plugins.other.times"]),
        ("plugin.reload", {"plugin": "work"}, ["plugins.work.tims"]),
    ):
        with pytest.raises(ConfigError) as refusal:
            daemon.call(method, params)
        assert all(key in refusal.value.message for key in keys)
    assert daemon.call("work.say") == "first"
    daemon.ended(daemon.submit("true"), daemon.submit("true"))
    assert_untouched(daemon)


def test_r28_every_broken_plugin_is_what_it_is_and_its_neighbours_figures_stay(
    house: tuple[DaemonProcess, Site],
) -> None:
    daemon, site = house
    for name, (text, _, _) in BROKEN.items():
        site.install(name, text)
    daemon.start()
    wait_until(lambda: {plugin(daemon, one)["state"] for one in ("start", "running")} == {"broken"})
    for name, (_, state, error) in BROKEN.items():
        found = plugin(daemon, name)
        assert (found["state"], found["error"]) == (state, error)
    with pytest.raises(LabdError, match=r"plugin work: method work\.fail failed: SystemExit: 5"):
        daemon.call("work.fail")
    assert (plugin(daemon, "work")["faults"], plugin(daemon, "work")["state"]) == (1, "loaded")
    assert_untouched(daemon)
    table = daemon.labctl("plugins").stdout
    assert all(error in table for _, _, error in BROKEN.values())


def test_r29_labctl_plugins_names_the_plugin_that_holds_the_loop(house: tuple[DaemonProcess, Site]) -> None:
    daemon, _ = house
    daemon.start()
    daemon.call("work.hog")
    spec = {"kind": "work-kind", "params": {"word": "hog"}, "cwd": "/"}
    daemon.ended(daemon.call("job.submit", {"spec": spec})["job"]["id"])
    found = plugin(daemon, "work")
    assert found["stalls"] >= 2
    assert 0.2 <= found["worst_stall"] < 10
    assert "held the loop" in daemon.labctl("plugins").stdout
    tasks = [event["data"]["task"] for event in daemon.events("daemon.stalled")]
    assert "rpc work.hog (plugin work)" in tasks
    assert "job kind work-kind (plugin work)" in tasks
    assert plugin(daemon, "other")["stalls"] == 0


@pytest.mark.parametrize("name", ["quits", "running", "work"])
def test_where_it_is_strict_the_first_mistake_of_a_plugin_ends_the_daemon(
    house: tuple[DaemonProcess, Site], name: str
) -> None:
    daemon, site = house
    if name in BROKEN:
        site.install(name, BROKEN[name][0])
    daemon.options.append("plugins.strict=true")
    daemon.spawn()
    assert daemon.process is not None
    if name == "work":
        wait_until(daemon.answers)
        with pytest.raises(LabdError):
            daemon.call("work.fail")
    assert daemon.process.wait(60) == 1
    assert f"plugin {name}" in "".join(daemon.log().splitlines()[-4:])


def test_rounds_of_changes_leave_no_thread_descriptor_or_memory_behind(
    house: tuple[DaemonProcess, Site],
) -> None:
    daemon, _ = house
    daemon.start()

    def go(rounds: int) -> None:
        with daemon.client() as client:
            for _ in range(rounds):
                client.call("plugin.reload", {"plugin": "work"})

    go(20)
    before, rss = left(daemon), daemon.rss()
    go(60)
    wait_until(lambda: left(daemon) <= before)
    assert daemon.rss() - rss < 8 * 2**20
    assert_untouched(daemon)


def left(daemon: DaemonProcess) -> tuple[int, int]:
    """How many descriptors and threads it has."""
    return len(os.listdir(f"/proc/{daemon.pid}/fd")), len(os.listdir(f"/proc/{daemon.pid}/task"))


def test_a_traced_plugin_logs_what_it_does(house: tuple[DaemonProcess, Site]) -> None:
    daemon, _ = house
    daemon.start()
    assert daemon.labctl("plugins", "trace", "work", "on").returncode == 0
    daemon.call("work.say")
    daemon.call("other.say")
    wait_until(lambda: "method work.say took" in daemon.log())
    daemon.call("plugin.reload", {"plugin": "work"})
    wait_until(lambda: "service work, ready until stopped, took" in daemon.log())
    assert "other.say took" not in daemon.log()
    assert daemon.labctl("plugins", "trace", "work", "off").returncode == 0
    assert plugin(daemon, "work")["trace"] is False
