"""What the registry would say of a plugin, in a test of that plugin."""

import types

import msgspec
import pytest

from labd.api import Method, Restart, Service, hookimpl
from labd.testing import check_plugin


class Settings(msgspec.Struct, forbid_unknown_fields=True):
    sides: int
    size: float = 1.0


async def idle(*, task_status):
    task_status.started()


def plugin(**members):
    """A module of a plugin with these members."""
    module = types.ModuleType("labd_dice")
    vars(module).update(members)
    return module


@hookimpl
def labd_services(node):
    return Service(f"{node.name}-loop", idle, Restart(), critical=False)


@hookimpl
def labd_servics(node):
    return None


@hookimpl
def labd_methods(nod):
    return None


@hookimpl
def labd_settings():
    return Settings


def hook(name, answer):
    def asked(node):
        return answer

    asked.__name__ = name
    return {name: hookimpl(asked)}


async def _methods(node):
    return []


def test_a_good_one_is_what_labctl_plugins_would_show():
    record = check_plugin(plugin(labd_services=labd_services))
    assert (record.name, record.state, record.hooks) == ("dice", "loaded", ("labd_services",))


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (plugin(labd_servics=labd_servics), "there is no hook labd_servics; did you mean labd_services"),
        (plugin(labd_methods=labd_methods), "nod"),
        (plugin(labd_methods=hookimpl(_methods)), "labd_methods is async; hooks are plain functions"),
        (plugin(labd_services=lambda node: None), "labd_services is not marked with @hookimpl"),
        (plugin(LABD_API=2), "incompatible: needs plugin API 2, this labd offers 1"),
        (plugin(**hook("labd_services", 3)), "labd_services returned a int, not a Service"),
        (plugin(**hook("labd_services", Service("x", idle))), "must be 'dice' or start with 'dice-'"),
        (plugin(**hook("labd_methods", Method("roll", idle))), "the name must start with 'dice.'"),
        (plugin(labd_settings=labd_settings), "plugins.dice.sides"),
    ],
)
def test_a_wrong_one_fails_in_the_registrys_words(wrong, words):
    with pytest.raises(AssertionError) as caught:
        check_plugin(wrong)
    assert str(caught.value).startswith("labctl plugins would call dice ")
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_hook_may_leave_the_node_out_and_return_none_or_several():
    @hookimpl
    def labd_services():
        return [Service("dice", idle), Service("dice-2", idle)]

    record = check_plugin(plugin(labd_services=labd_services, **hook("labd_methods", None)))
    assert record.hooks == ("labd_methods", "labd_services")


def test_settings_are_checked_as_in_the_configuration():
    record = check_plugin(plugin(labd_settings=labd_settings), settings={"sides": 6})
    assert record.loaded
    with pytest.raises(AssertionError, match=r'plugins.dice.sides = "six"'):
        check_plugin(plugin(labd_settings=labd_settings), settings={"sides": "six"})


def test_an_installed_plugin_has_the_name_of_its_entry_point(tmp_path, monkeypatch):
    info = tmp_path / "labd_my_thing-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: labd-my-thing\nVersion: 1\n")
    (info / "entry_points.txt").write_text("[labd.plugins]\nmy-thing = labd_my_thing.plugin\n")
    monkeypatch.syspath_prepend(tmp_path)
    module = types.ModuleType("labd_my_thing.plugin")
    assert check_plugin(module).name == "my-thing"
    assert check_plugin(module, "other").name == "other"


def test_an_object_is_named_by_its_module():
    class Plugin:
        __module__ = __name__

    assert check_plugin(Plugin(), "obj").module == __name__
