import argparse
import logging
from importlib.metadata import EntryPoint
from types import SimpleNamespace

import msgspec
import pytest
import trio
from labd_hello import cli, plugin

from labd.api import JobSpec, Restart, Role


class Events:
    def __init__(self):
        self.published = []

    async def publish(self, kind, data, *, cause=""):
        self.published.append((kind, data))


class Node:
    """As much of a labd.api.Node as the plugin uses; the clock is trio's, so time can be virtual."""

    def __init__(self, **settings):
        self.name = "hello"
        self.config = msgspec.convert(settings, plugin.Settings)
        self.log = logging.getLogger("hello")
        self.events = Events()
        self.clock = SimpleNamespace(boot=trio.current_time, wall=lambda: 0.0)


async def test_the_ticker_publishes_once_per_interval(autojump_clock, nursery):
    node = Node(interval=5.0)
    service = plugin.labd_services(node)
    await nursery.start(service.run)
    await trio.sleep(17)
    assert node.events.published == [("hello.tick", {"count": n, "up": 5.0 * n}) for n in (1, 2, 3)]
    assert (service.name, service.restart, service.critical) == ("hello-ticker", Restart(), False)


async def test_the_method_greets_in_the_words_of_the_settings():
    method = plugin.labd_methods(Node(greeting="Good morning"))
    call = SimpleNamespace(peer=SimpleNamespace(name="alice"))
    assert (method.name, method.role) == ("hello.greet", Role.VIEW)
    assert await method.handler(call, method.params(who="Ada")) == {
        "text": "Good morning, Ada!",
        "caller": "alice",
    }


def test_the_job_kind_keeps_the_rest_of_the_spec():
    kind = plugin.labd_job_kinds(Node())
    spec = kind.build(kind.params(), JobSpec(kind="greet", name="n", cpus=2))
    assert spec == JobSpec(kind="greet", name="n", cpus=2, argv=("/bin/echo", "Hello, world!"))


async def test_a_target_is_greeted_in_an_event():
    node = Node(greeting="Good morning")
    notifier = plugin.labd_notifiers(node)
    await notifier.send(notifier.settings(who="Ada"), {"id": "e1-4-ada", "text": "job 4 failed"})
    told = {"text": "Good morning, Ada! job 4 failed", "notice": "e1-4-ada"}
    assert (notifier.name, node.events.published) == ("greeting", [("hello.told", told)])


@pytest.mark.parametrize("wrong", [{"interval": 0}, {"greeting": 1}, {"gretting": "Hi"}])
def test_wrong_settings_are_refused(wrong):
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(wrong, plugin.labd_settings())


def test_the_command_prints_what_the_daemon_answers(capsys):
    class Client:
        def __enter__(self):
            return self

        def __exit__(self, *exc):
            pass

        def call(self, method, params):
            return {"text": f"{method} {params['who']}"}

    parser = argparse.ArgumentParser()
    cli.add_arguments(parser)
    assert cli.run(parser.parse_args(["Ada"]), Client) == 0
    assert capsys.readouterr().out == "hello.greet Ada\n"
    assert cli.HELP


@pytest.mark.parametrize("value", ["labd_hello.plugin", "labd_hello.cli"])
def test_the_entry_points_can_be_loaded(value):
    assert EntryPoint("hello", value, "any").load().__name__ == value
