import types
from types import SimpleNamespace

import msgspec
import pytest

from labd.api import (
    LABD_API,
    JobKind,
    Loader,
    Method,
    Metrics,
    Mount,
    Notifier,
    Restart,
    Role,
    Route,
    Service,
    hookimpl,
)
from labd.daemon.owner import OWNER
from labd.daemon.plugin_check import HOOKS
from labd.daemon.plugin_choice import Choice
from labd.daemon.plugins import Found
from labd.daemon.registry import PluginError, Registry
from labd.errors import ConfigError, NotFound


class Params(msgspec.Struct):
    who: str = "world"


async def handler(call, params):
    return {}


async def send(settings, message):
    pass


async def run(*, task_status):
    task_status.started()


def hook(name, answer):
    """A function *name*, marked as a hook, which returns *answer*, or raises it."""

    def implementation(node=None):
        if isinstance(answer, BaseException):
            raise answer
        return answer() if isinstance(answer, types.FunctionType) else answer

    implementation.__name__ = name
    return hookimpl(implementation)


def plugin(**members):
    """Something unhashable: hooks for ``settings=``, ``kinds=``, .., any other member as it is."""
    short = {"settings": "labd_settings", "kinds": "labd_job_kinds", "methods": "labd_methods",
             "services": "labd_services", "notifiers": "labd_notifiers",
             "routes": "labd_http_routes", "loaders": "labd_model_loaders",
             "metrics": "labd_metrics"}  # fmt: skip
    hooks = {short[key]: hook(short[key], value) for key, value in members.items() if key in short}
    return SimpleNamespace(**hooks, **{key: value for key, value in members.items() if key not in short})


def good(name="good"):
    return plugin(
        settings=Params,
        kinds=JobKind(f"{name}-kind", lambda params, spec: spec, Params),
        methods=[Method(f"{name}.greet", handler, Params)],
        services=(Service(f"{name}-ticker", run),),
        notifiers=Notifier(f"{name}-shout", send, Params),
        routes=[route(f"/{name}/{{key}}"), Mount(prefix=f"/{name}-pages", app=handler)],
        loaders=Loader(f"{name}-loader", f"{name}_loader"),
        metrics=Metrics(list),
    )


def route(path, method="GET", handler=run, **more):
    return Route(method=method, path=path, handler=handler, **more)


def found(name, thing, distribution="", **fields):
    def load():
        if isinstance(thing, BaseException):
            raise thing
        return thing

    return Found(name, f"{name}_module", distribution or f"labd-{name}", "1.2", load, **fields)


def check(name, struct_type):
    return struct_type() if struct_type else None


def node_of(record, settings):
    name = record.name
    return SimpleNamespace(name=name)


def filled(*plugins, choice=Choice(), check=check):  # noqa: B008 - it is immutable
    registry = Registry(choice, strict=False)
    registry.load(plugins, check)
    registry.collect(node_of)
    return registry


def assert_only_good(registry, bad="bad"):
    """*good* is untouched, and nothing is left of *bad*."""
    assert registry.record("good").loaded
    offered = (*registry.kinds, *registry.methods, *registry.services, *registry.notifiers, *registry.routes)
    assert {name for name, _ in offered} == {"good"}
    assert bad not in registry.settings


def test_a_loaded_plugin_is_described_whole():
    registry = filled(found("good", good()))
    assert registry.record("good").describe() == {
        "name": "good",
        "version": "1.2",
        "distribution": "labd-good",
        "api": LABD_API,
        "module": "good_module",
        "names": (),
        "hooks": HOOKS,
        "state": "loaded",
        "error": "",
    }
    assert [(owner, method.name) for owner, method in registry.methods] == [("good", "good.greet")]
    assert [(owner, kind.name) for owner, kind in registry.kinds] == [("good", "good-kind")]
    assert [(owner, service.name) for owner, service in registry.services] == [("good", "good-ticker")]
    assert registry.settings == {"good": Params()}
    assert [(owner, notifier.name) for owner, notifier in registry.notifiers] == [("good", "good-shout")]
    assert registry.statistics() == (1, 0, 0, 0, 1, 1, 1, 1)


def test_a_hook_may_return_nothing_or_one_thing_or_several():
    registry = filled(found("a", plugin(methods=None, services=Service("a", run), kinds=[])))
    assert [service.name for _, service in registry.services] == ["a"]
    assert registry.methods == registry.kinds == ()


IMPORTS = [ImportError("No module named 'tensorflow'"), SystemExit(1), GeneratorExit(), BaseException("odd")]


@pytest.mark.parametrize("error", IMPORTS, ids=repr)
def test_r28_a_plugin_that_cannot_be_imported_is_a_record(error):
    registry = filled(found("bad", error), found("good", good()))
    assert_only_good(registry)
    assert registry.record("bad").state == "failed"
    assert registry.record("bad").error.startswith(type(error).__name__)


def test_the_person_at_the_keyboard_may_interrupt_an_import():
    with pytest.raises(KeyboardInterrupt):
        filled(found("slow", KeyboardInterrupt()))


WRONG = {
    "misspelt hook": (
        plugin(labd_servics=hook("labd_servics", None)),
        "AttributeError: there is no hook labd_servics; did you mean labd_services?",
    ),
    "strange hook": (
        plugin(labd_zzz=hook("labd_zzz", None)),
        "there is no hook labd_zzz; there are labd_settings",
    ),
    "unmarked hook": (plugin(labd_services=lambda node: None), "labd_services is not marked with @hookimpl"),
    "unknown argument": (
        plugin(labd_services=hookimpl(lambda nod: None, specname="labd_services")),
        "PluginValidationError",
    ),
    "LABD_API is text": (plugin(LABD_API="2"), "LABD_API is '2', not a whole number"),
    "settings raise": (plugin(settings=OSError("no")), "OSError: no"),
    "settings exit": (plugin(settings=SystemExit(0)), "SystemExit: 0"),
    "settings an instance": (
        plugin(settings=Params()),
        "labd_settings returned a Params, not a msgspec.Struct",
    ),
    "settings another class": (plugin(settings=dict), "labd_settings returned the class dict, not a msgspec"),
    "kinds raise": (plugin(kinds=ValueError("two\nlines")), "ValueError: two lines"),
    "kinds of another type": (plugin(kinds="greet"), "labd_job_kinds returned a str, not a JobKind"),
    "a kind without a builder": (
        plugin(kinds=JobKind("k", None, Params)),
        "job kind 'k': build is a NoneType",
    ),
    "a kind that labd has": (plugin(kinds=JobKind("command", handler, Params)), "already offered by labd"),
    "a kind that good has": (plugin(kinds=JobKind("good-kind", handler, Params)), "already offered by good"),
    "notifiers of another type": (
        plugin(notifiers=[handler]),
        "labd_notifiers returned a function, not a Notifier",
    ),
    "a notifier without a send": (
        plugin(notifiers=Notifier("n", None)),
        "notifier 'n': send is a NoneType",
    ),
    "a notifier that labd has": (
        plugin(notifiers=Notifier("webhook", send)),
        "notifier 'webhook' is already offered by labd",
    ),
    "routes of another type": (plugin(routes=[handler]), "labd_http_routes returned a function, not a Route"),
    "a route of labd's": (plugin(routes=route("/metrics")), "page '/metrics' is already offered by labd"),
    "a route below one of labd's": (
        plugin(routes=route("/rpc/x", "POST")),
        "page '/rpc' is already offered by labd",
    ),
    "a mount over one of labd's": (
        plugin(routes=Mount(prefix="/events", app=handler)),
        "page '/events' is already offered by labd",
    ),
    "a route that good has": (plugin(routes=route("/good/{other}")), "is already offered by good"),
    "a mount that good has": (
        plugin(routes=Mount(prefix="/good-pages", app=handler)),
        "is already offered by good",
    ),
    "a route twice": (plugin(routes=[route("/x")] * 2), "is already offered by itself"),
    "a route without a handler": (plugin(routes=route("/x", handler=None)), "handler is a NoneType"),
    "a route with a small method": (plugin(routes=route("/x", "get")), "the method is not in capitals"),
    "a route with a strange path": (plugin(routes=route("x")), "the path must begin with /"),
    "a route with a query": (plugin(routes=route("/x?y")), "the path must begin with /"),
    "a route with half a parameter": (plugin(routes=route("/x-{y}")), "a parameter is a whole part"),
    "a route with a path in the middle": (plugin(routes=route("/{x:path}/y")), "a parameter is a whole part"),
    "a route with a strange role": (plugin(routes=route("/x", role="view")), "not a labd.api.Role"),
    "a mount of everything": (plugin(routes=Mount(prefix="/", app=handler)), "a prefix is like /name"),
    "a mount without an app": (plugin(routes=Mount(prefix="/x", app=None)), "app is a NoneType"),
    "methods raise": (plugin(methods=KeyError("k")), "KeyError: 'k'"),
    "methods of another type": (plugin(methods=[handler]), "labd_methods returned a function, not a Method"),
    "a method of somebody else": (plugin(methods=Method("job.submit", handler)), "must start with 'bad.'"),
    "a method without a name": (plugin(methods=Method("bad.", handler)), "must start with 'bad.'"),
    "a method twice": (
        plugin(methods=[Method("bad.x", handler)] * 2),
        "method 'bad.x' is already offered by itself",
    ),
    "a method without a handler": (plugin(methods=Method("bad.x", None)), "handler is a NoneType"),
    "a method with strange params": (
        plugin(methods=Method("bad.x", handler, dict)),
        "params is the class dict",
    ),
    "a method with a strange role": (
        plugin(methods=Method("bad.x", handler, Params, "view")),
        "not a labd.api.Role",
    ),
    "services raise": (
        plugin(services=ExceptionGroup("g", [OSError("a"), OSError("b")])),
        "OSError: a; OSError: b",
    ),
    "services of another type": (
        plugin(services={"bad": run}),
        "labd_services returned a dict, not a Service",
    ),
    "a service by another name": (
        plugin(services=Service("store", run)),
        "must be 'bad' or start with 'bad-'",
    ),
    "a service without a run": (plugin(services=Service("bad", None)), "run is a NoneType, not a function"),
    "a service with a strange policy": (
        plugin(services=Service("bad", run, "always")),
        "not a labd.api.Restart",
    ),
    "a critical service": (plugin(services=Service("bad", run, Restart(), True)), "may be critical"),
}


@pytest.mark.parametrize("case", WRONG)
def test_r28_a_wrong_plugin_is_a_record_and_leaves_nothing_behind(case):
    thing, error = WRONG[case]
    registry = filled(found("good", good()), found("bad", thing))
    assert_only_good(registry)
    assert registry.record("bad").state == "failed"
    assert error in registry.record("bad").error
    assert "\n" not in registry.record("bad").error


def test_a_failure_at_the_last_stage_withdraws_what_earlier_stages_gave():
    late = good("late")
    late.labd_services = hook("labd_services", RuntimeError("too late"))
    registry = filled(found("late", late), found("good", good()))
    assert_only_good(registry, "late")
    assert registry.record("late").error == "RuntimeError: too late"


def test_an_async_hook_is_refused_at_once():
    async def labd_services(node):
        return []

    registry = filled(found("bad", plugin(labd_services=hookimpl(labd_services))), found("good", good()))
    assert_only_good(registry)
    assert registry.record("bad").error == "TypeError: labd_services is async; hooks are plain functions"


def test_params_that_cannot_be_described_to_a_client_are_refused():
    class Odd(msgspec.Struct):
        what: type(run)

    registry = filled(found("bad", plugin(methods=Method("bad.x", handler, Odd))), found("good", good()))
    assert_only_good(registry)


def test_a_plugin_for_a_newer_labd_is_incompatible_and_is_not_asked():
    newer = good("newer")
    newer.LABD_API = LABD_API + 1
    registry = filled(found("newer", newer), found("good", good()))
    assert_only_good(registry, "newer")
    record = registry.record("newer")
    assert (record.state, record.api) == ("incompatible", LABD_API + 1)
    assert record.error == f"needs plugin API {LABD_API + 1}, this labd offers {LABD_API}"


def test_of_two_plugins_with_one_name_the_first_stays():
    registry = filled(found("good", good(), "a-dist"), found("good", good(), "b-dist"))
    assert [record.state for record in registry.records] == ["loaded", "failed"]
    assert registry.records[1].error == "ValueError: the name is taken by the plugin of a-dist 1.2"
    assert registry.record("good").distribution == "a-dist"
    assert registry.settings == {"good": Params()}
    assert len(registry.methods) == 1


def test_a_twin_of_a_plugin_that_failed_may_load():
    registry = filled(found("good", OSError("no"), "a-dist"), found("good", good(), "b-dist"))
    assert [record.state for record in registry.records] == ["failed", "loaded"]
    assert registry.record("good").loaded


@pytest.mark.parametrize("name", ["", "Hello", "a.b", "9lives", "job", "labd", "x" * 65])
def test_a_name_that_cannot_head_a_table_or_belongs_to_labd_is_refused(name):
    registry = filled(found(name, good()), found("good", good()))
    assert registry.record(name).state == "failed"


def test_settings_that_do_not_fit_fail_the_plugin_with_the_reason():
    def refuse(name, struct_type):
        if name == "bad":
            raise ConfigError("plugins.bad.gretting is no setting", hint="did you mean greeting?")
        return check(name, struct_type)

    registry = filled(found("bad", good("bad")), found("good", good()), check=refuse)
    assert_only_good(registry)
    assert registry.record("bad").error == "plugins.bad.gretting is no setting"


def test_settings_are_checked_also_for_a_plugin_that_has_none():
    seen = {}
    filled(found("plain", plugin()), check=lambda name, struct_type: seen.update({name: struct_type}))
    assert seen == {"plain": None}


def test_disabled_plugins_are_never_imported():
    bomb = found("bomb", AssertionError("imported"))
    registry = filled(bomb, found("good", good()), choice=Choice(disabled=frozenset({"bomb"})))
    assert registry.record("bomb").state == "disabled"
    assert registry.record("bomb").error == "disabled in the configuration"
    assert_only_good(registry, "bomb")


def test_with_an_allow_list_only_those_load_and_missing_ones_are_named():
    choice = Choice(enabled=frozenset({"good", "gone"}))
    registry = filled(found("other", good("other")), found("good", good()), choice=choice)
    assert registry.record("other").state == "disabled"
    assert registry.record("gone").state == "failed"
    assert registry.record("gone").error == "in plugins.enabled, but not installed; installed: good, other"
    assert_only_good(registry, "other")


def test_r28_safe_mode_loads_built_in_plugins_only():
    ours = found("ours", good("ours"), builtin=True)
    registry = filled(ours, found("good", good()), choice=Choice(safe=True))
    assert registry.record("ours").loaded
    assert registry.record("good").error == "labd runs in safe mode"


def test_strict_mode_raises_with_the_cause():
    with pytest.raises(PluginError, match="plugin bad is failed: OSError: no") as raised:
        Registry(strict=True).load([found("bad", OSError("no"))], check)
    assert isinstance(raised.value.__cause__, OSError)


def test_the_traceback_is_in_the_log(caplog):
    filled(found("bad", plugin(services=OSError("no"))))
    assert "Traceback" in caplog.text


def test_each_plugin_gets_its_own_node():
    nodes = []
    curious = plugin(labd_services=hookimpl(lambda node: nodes.append(node.name), specname="labd_services"))
    also = plugin(labd_services=hookimpl(lambda node: nodes.append(node.name), specname="labd_services"))
    filled(found("one", curious), found("two", also))
    assert nodes == ["one", "two"]


def test_a_hook_wrapper_of_one_plugin_touches_no_other():
    def labd_services(node):
        yield
        raise RuntimeError("I wrap everybody")

    nosy = plugin(labd_services=hookimpl(labd_services, wrapper=True))
    registry = filled(found("bad", nosy), found("good", good()))
    assert_only_good(registry)


def test_an_error_whose_text_raises_is_still_a_record():
    class Nasty(Exception):
        def __str__(self):
            raise RuntimeError("no text")

    registry = filled(found("bad", Nasty()), found("good", good()))
    assert registry.record("bad").error == "Nasty: (its text cannot be had)"


def test_hooks_run_in_the_name_of_their_plugin():
    owners = []
    filled(found("one", plugin(services=lambda: owners.append(OWNER.get()))))
    assert owners == ["one"]
    assert OWNER.get() == "labd"


def test_a_withdrawn_plugin_gives_back_all_it_offered():
    registry = filled(found("good", good()), found("other", good("other")))
    offer = registry.withdraw("other", error="disabled by alice")
    assert [service.name for service in offer.services] == ["other-ticker"]
    assert (registry.record("other").state, registry.record("other").error) == (
        "disabled",
        "disabled by alice",
    )
    assert_only_good(registry, "other")


def test_an_unknown_plugin_is_not_found():
    with pytest.raises(NotFound, match="there is no plugin 'nope'"):
        filled().record("nope")


def test_a_role_is_part_of_a_method():
    admin = plugin(methods=Method("a.b", handler, Params, Role.ADMIN))
    assert filled(found("a", admin)).methods[0][1].role is Role.ADMIN
