"""Plugins that are enabled, disabled, reloaded and given other settings while their neighbours work."""

import sys

import pytest
import trio
import trio.testing

from labd.config import ConfigErrors
from labd.daemon.registry import PluginError
from labd.errors import Conflict, InternalError, NotFound
from tests.daemon.plugged import GOOD, House


@pytest.fixture
async def house(tmp_path, monkeypatch):
    house = House(tmp_path)
    monkeypatch.syspath_prepend(str(house.site.folder))
    house.site.install("good", GOOD)
    house.site.install("other", GOOD)
    async with house.open():
        await trio.testing.wait_all_tasks_blocked()
        yield house


async def assert_other_works(house):
    listed = await house.listed("other")
    assert (listed["state"], listed["restarts"], listed["faults"], listed["stalls"]) == ("loaded", 0, 0, 0)
    assert [service["state"] for service in listed["services"]] == ["ready"]
    assert await house.call("other.say") == "first"
    assert house.build("other-kind").argv == ("/bin/echo", "x")
    assert "other-shout" in house.wiring.notifiers


async def test_a_disabled_plugin_is_gone_and_comes_back_whole(house):
    reply = await house.call("plugin.disable", plugin="good")
    assert (reply["changed"], reply["plugin"]["state"], reply["plugin"]["error"]) == (
        True,
        "disabled",
        "disabled by anna",
    )
    with pytest.raises(NotFound, match=r"no method 'good\.say'"):
        await house.call("good.say")
    assert set(house.wiring.kinds) == {"other-kind"}
    assert set(house.wiring.notifiers) == {"other-shout"}
    assert [record.name for record in house.wiring.supervisor.records] == ["other"]
    await assert_other_works(house)
    assert (await house.call("plugin.enable", plugin="good"))["plugin"]["state"] == "loaded"
    assert await house.call("good.say") == "first"
    assert (await house.listed("good"))["services"][0]["state"] == "ready"
    assert house.events == [("plugin.disabled", "good", "anna"), ("plugin.enabled", "good", "anna")]


async def test_what_is_so_already_is_left_alone(house):
    assert not (await house.call("plugin.enable", plugin="good"))["changed"]
    await house.call("plugin.disable", plugin="good")
    assert not (await house.call("plugin.disable", plugin="good"))["changed"]
    with pytest.raises(Conflict, match="plugin good is disabled"):
        await house.call("plugin.reload", plugin="good")


async def test_a_reload_takes_up_code_version_and_settings(house):
    house.site.install("good", GOOD.replace('"first"', '"second"'), version="1.1")
    house.config.write_text("[plugins.good]\ntimes = 2\n")
    reply = await house.call("plugin.reload", plugin="good")
    assert reply["plugin"]["version"] == "1.1"
    assert await house.call("good.say") == "secondsecond"
    assert (await house.call("plugin.config", plugin="good"))["settings"] == [
        {
            "key": "times", "value": 2, "default": 1, "required": False, "accepts": "a whole number",
            "doc": "", "origin": f"{house.config}:2",
        }
    ]  # fmt: skip
    await assert_other_works(house)


async def test_r24_a_reload_with_wrong_settings_names_every_key_and_keeps_the_old_one(house):
    house.config.write_text("[plugins.good]\ntims = 2\ntimes = 'x'\n")
    with pytest.raises(ConfigErrors) as raised:
        await house.call("plugin.reload", plugin="good")
    assert [problem.key for problem in raised.value.problems] == ["plugins.good.tims", "plugins.good.times"]
    assert await house.call("good.say") == "first"
    assert (await house.listed("good"))["services"][0]["restarts"] == 0
    assert house.events == []


BROKEN = {
    "syntax": ("def (", "SyntaxError"),
    "import": ("import no_such_module", "ModuleNotFoundError: No module named 'no_such_module'"),
    "exit": ("raise SystemExit('enough')", "SystemExit: enough"),
    "misspelt hook": (
        "from labd.api import hookimpl\n@hookimpl\ndef labd_servics(node): pass\n",
        "there is no hook labd_servics; did you mean labd_services?",
    ),
    "newer": ("LABD_API = 99\n", "needs plugin API 99, this labd offers 1"),
    "settings": (
        "from labd.api import hookimpl\n@hookimpl\ndef labd_settings(): raise OSError('no')\n",
        "OSError: no",
    ),
    "hook": (
        "from labd.api import hookimpl\n@hookimpl\ndef labd_methods(node): raise SystemExit(4)\n",
        "SystemExit: 4",
    ),
    "taken": (
        "import msgspec\nfrom labd.api import hookimpl, JobKind\nclass P(msgspec.Struct): pass\n"
        "@hookimpl\ndef labd_job_kinds(node): return JobKind('other-kind', print, P)\n",
        "job kind 'other-kind' is already offered by other",
    ),
}


@pytest.mark.parametrize("case", BROKEN)
async def test_r28_a_reload_of_broken_code_keeps_the_old_one(house, case):
    text, error = BROKEN[case]
    module = sys.modules["good_plugin"]
    house.site.write("good", text)
    with pytest.raises(PluginError) as raised:
        await house.call("plugin.reload", plugin="good")
    assert error in raised.value.message
    assert raised.value.message.endswith("; what ran before still runs")
    assert (await house.listed("good"))["state"] == "loaded"
    assert await house.call("good.say") == "first"
    assert sys.modules["good_plugin"] is module
    await assert_other_works(house)


@pytest.mark.parametrize("case", BROKEN)
async def test_r28_a_broken_plugin_that_is_enabled_is_listed_as_what_it_is(house, case):
    text, error = BROKEN[case]
    house.site.install("bad", text)
    with pytest.raises(PluginError):
        await house.call("plugin.enable", plugin="bad")
    listed = await house.listed("bad")
    assert listed["state"] == ("incompatible" if case == "newer" else "failed")
    assert error in listed["error"]
    await assert_other_works(house)
    house.site.write("bad", GOOD)
    assert (await house.call("plugin.reload", plugin="bad"))["plugin"]["state"] == "loaded"


async def test_a_plugin_that_was_installed_meanwhile_can_be_enabled(house):
    with pytest.raises(NotFound, match="no plugin 'late' is installed"):
        await house.call("plugin.enable", plugin="late")
    house.site.install("late", GOOD)
    await house.call("plugin.enable", plugin="late")
    assert await house.call("late.say") == "first"


async def test_a_dry_run_says_what_would_happen_and_runs_nothing_of_it(house):
    house.site.write("good", "raise SystemExit('imported')")
    reply = await house.call("plugin.reload", plugin="good", dry_run=True)
    assert [f"{step['do']} {step['what']}" for step in reply["would"]] == [
        "stop service good",
        "withdraw method good.say",
        "withdraw job kind good-kind",
        "withdraw notifier good-shout",
        "load plugin good 1.0",
    ]
    assert not reply["changed"]
    assert (await house.call("plugin.disable", plugin="good", dry_run=True))["would"]
    assert await house.call("good.say") == "first"
    house.config.write_text("[plugins.good]\ntimes = 'x'\n")
    with pytest.raises(ConfigErrors, match=r"plugins\.good\.times"):
        await house.call("plugin.reload", plugin="good", dry_run=True)


async def test_nobody_who_calls_during_a_reload_finds_the_method_missing(house):
    answers = []

    async with trio.open_nursery() as nursery:

        async def ask():
            while True:
                answers.append(await house.call("good.say"))
                await trio.lowlevel.checkpoint()

        nursery.start_soon(ask)
        for _ in range(20):
            await house.call("plugin.reload", plugin="good")
        nursery.cancel_scope.cancel()
    assert set(answers) == {"first"}


async def test_a_service_that_does_not_stop_puts_its_plugin_out_of_order(house):
    stubborn = GOOD.replace(
        "await trio.sleep_forever()", "with trio.CancelScope(shield=True): await node.go()"
    )
    stubborn = stubborn.replace(
        "Service(node.name, run)", "Service(node.name, run, Restart(stop_timeout=0.01))"
    )
    house.site.install("bad", stubborn.replace("import JobKind", "import Restart, JobKind"))
    go = trio.Event()
    node_of = house.switch._prepare._node_of

    def with_go(name, settings):
        node = node_of(name, settings)
        node.go = go.wait
        return node

    house.switch._prepare._node_of = with_go
    await house.call("plugin.enable", plugin="bad")
    with pytest.raises(Conflict, match="service bad did not stop in time"):
        await house.call("plugin.reload", plugin="bad")
    assert (await house.listed("bad"))["state"] == "failed"
    await assert_other_works(house)
    with pytest.raises(Conflict, match="service bad still runs"):
        await house.call("plugin.enable", plugin="bad")
    assert "bad-kind" not in house.wiring.kinds
    go.set()
    await trio.testing.wait_all_tasks_blocked()
    assert (await house.call("plugin.enable", plugin="bad"))["plugin"]["state"] == "loaded"


# -- a new configuration -------------------------------------------------------------------------------


async def test_a_new_configuration_reaches_only_the_plugins_that_it_concerns(house):
    before = sys.modules["other_plugin"], house.wiring.supervisor.record("other")
    assert await house.reconfigure("[plugins.good]\ntimes = 3\n") == ["good"]
    assert await house.call("good.say") == "firstfirstfirst"
    assert (sys.modules["other_plugin"], house.wiring.supervisor.record("other")) == before
    assert await house.reconfigure("[jobs]\nmax_queued = 3\n[plugins.good]\ntimes = 3\n") == []


async def test_plugins_are_enabled_and_disabled_by_patterns(house):
    assert await house.reconfigure("[plugins]\ndisabled = ['g*']\n") == ["good"]
    listed = await house.listed("good")
    assert (listed["state"], listed["error"]) == ("disabled", "disabled in the configuration")
    await assert_other_works(house)
    assert await house.reconfigure("[plugins]\nenabled = ['[go]*']\n") == ["good"]
    assert await house.call("good.say") == "first"


async def test_what_was_switched_by_hand_stays_until_the_configuration_says_otherwise(house):
    await house.call("plugin.disable", plugin="good")
    assert await house.reconfigure("[jobs]\nmax_queued = 3\n") == []
    assert (await house.listed("good"))["state"] == "disabled"
    await house.reconfigure("[plugins]\ndisabled = ['good']\n")
    await house.call("plugin.enable", plugin="good")
    assert await house.reconfigure("[plugins]\ndisabled = ['good']\n[jobs]\nmax_queued = 3\n") == []
    assert (await house.listed("good"))["state"] == "loaded"


async def test_r24_wrong_settings_of_several_plugins_are_named_together_and_change_nothing(house):
    with pytest.raises(ConfigErrors) as raised:
        await house.reconfigure("[plugins.good]\ntims = 1\n[plugins.other]\ntimes = 'x'\n[plugins]\n")
    assert {problem.key for problem in raised.value.problems} == {"plugins.good.tims", "plugins.other.times"}
    assert await house.call("good.say") == "first"
    await assert_other_works(house)


async def test_r24_a_hook_that_refuses_new_settings_refuses_the_reload(house):
    house.site.write(
        "good", GOOD.replace("return Method", "assert node.config.times < 3\n        return Method")
    )
    await house.call("plugin.reload", plugin="good")
    with pytest.raises(PluginError, match="AssertionError"):
        await house.reconfigure("[plugins]\ndisabled = ['other']\n[plugins.good]\ntimes = 4\n")
    assert await house.call("good.say") == "first"
    await assert_other_works(house)


async def test_a_plugin_whose_settings_were_wrong_is_tried_again_when_they_change(house):
    with pytest.raises(ConfigErrors):
        await house.reconfigure("[plugins.good]\nx = 1\n")
    house.site.install("late", GOOD)
    house.config.write_text("[plugins.late]\nx = 1\n")
    with pytest.raises(ConfigErrors):
        await house.call("plugin.enable", plugin="late")
    assert (await house.listed("late"))["state"] == "failed"
    assert await house.reconfigure("[plugins.late]\ntimes = 2\n") == ["late"]
    assert await house.call("late.say") == "firstfirst"


async def test_a_plugin_that_is_enabled_by_its_name_and_is_broken_is_a_record(house):
    house.site.install("bad", "raise OSError('no')")
    await house.reconfigure("[plugins]\nenabled = ['good', 'other', 'bad', 'gone']\n")
    assert (await house.listed("bad"))["error"] == "OSError: no"
    assert "not installed" in (await house.listed("gone"))["error"]
    await assert_other_works(house)
    await house.reconfigure("[plugins]\nenabled = ['good', 'other']\n")
    assert "gone" not in [plugin["name"] for plugin in (await house.call("plugin.list"))["plugins"]]


# -- figures -------------------------------------------------------------------------------------------


async def test_r28_what_a_handler_raises_is_counted_and_named(house):
    house.site.install("bad", GOOD.replace("return WORD", "raise SystemExit(7)\n            return WORD"))
    await house.call("plugin.enable", plugin="bad")
    for _ in range(2):
        with pytest.raises(InternalError, match=r"plugin bad: method bad\.say failed: SystemExit: 7"):
            await house.call("bad.say")
    listed = await house.listed("bad")
    assert (listed["state"], listed["faults"]) == ("loaded", 2)
    assert listed["last_fault"] == "method bad.say failed: SystemExit: 7"
    await assert_other_works(house)


async def test_r28_what_a_job_kind_and_a_notifier_raise_is_counted_and_named(house):
    bad = GOOD.replace('argv=("/bin/echo", params.word)', "argv=1 / 0").replace(
        "node.told.append(message)", "raise GeneratorExit('no')"
    )
    house.site.install("bad", bad)
    await house.call("plugin.enable", plugin="bad")
    with pytest.raises(InternalError, match="plugin bad: job kind bad-kind failed: ZeroDivisionError"):
        house.build("bad-kind")
    with pytest.raises(InternalError, match="plugin bad: notifier bad-shout failed: GeneratorExit: no"):
        await house.wiring.notifiers["bad-shout"].send(None, {})
    assert (await house.listed("bad"))["faults"] == 2
    await assert_other_works(house)


async def test_r28_a_plugin_whose_service_gave_up_is_broken(house, autojump_clock):
    bad = GOOD.replace("await trio.sleep_forever()", "raise OSError('no camera')")
    house.site.install("bad", bad)
    await house.call("plugin.enable", plugin="bad")
    await house.wiring.supervisor.record("bad").wait_for("failed")
    listed = await house.listed("bad")
    assert (listed["state"], listed["restarts"]) == ("broken", 5)
    assert listed["error"] == "service bad gave up after 5 restarts: OSError: no camera"
    await assert_other_works(house)


async def test_a_traced_plugin_logs_its_calls_and_no_other_does(house, caplog):
    caplog.set_level("INFO")
    await house.call("plugin.trace", plugin="good", on=True)
    await house.call("good.say")
    await house.call("other.say")
    await house.call("plugin.reload", plugin="good")
    said = [line for line in caplog.messages if " took " in line]
    assert said[0].startswith("plugin good: method good.say took ")
    assert any(line.startswith("plugin good: hook labd_services took ") for line in said)
    assert not any("other" in line for line in said)
    await house.call("plugin.trace", plugin="good", on=False)
    caplog.clear()
    await house.call("good.say")
    assert not caplog.messages


async def test_the_hooks_are_described_with_who_uses_them(house):
    hooks = {hook["name"]: hook for hook in (await house.call("plugin.hooks"))["hooks"]}
    assert hooks["labd_services"]["plugins"] == ["good", "other"]
    assert hooks["labd_services"]["signature"] == (
        "labd_services(node: Node) -> Service | list[Service] | None"
    )
    assert hooks["labd_settings"]["doc"].startswith("Say which settings")


PAGE = (
    GOOD.replace("from labd.api import", "from labd.api import Response, Route,", 1)
    + """
    @hookimpl
    def labd_http_routes(node):
        async def page(request):
            return Response.json({"page": node.name})
        return Route(method="GET", path="/good", handler=page)
"""
)


async def test_pages_come_and_go_with_their_plugin(house: House):
    shown: list[list[str]] = []
    house.wiring.on_routes = lambda routes: shown.append([route.path for route in routes])
    house.site.install("page", PAGE)
    await house.call("plugin.enable", plugin="page")
    assert shown[-1] == ["/good"]
    await house.call("plugin.reload", plugin="page")
    assert shown[-1] == ["/good"]
    await house.call("plugin.disable", plugin="page")
    assert shown[-1] == []
