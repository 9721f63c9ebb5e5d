import argparse
from importlib.metadata import EntryPoint

import pytest
import trio
from labd_hello import cli, plugin

from labd.api import JobSpec
from labd.testing import check_plugin, client, run_service

FRIENDLY = pytest.mark.parametrize("labd_settings", [{"greeting": "Good morning"}])


@pytest.mark.parametrize("labd_settings", [{"interval": 5.0}])
async def test_the_ticker_publishes_once_per_interval(labd_node, autojump_clock):
    async with run_service(plugin.labd_services(labd_node)) as running:
        await running.ready()
        await trio.sleep(17)
    assert labd_node.events.published == tuple(("hello.tick", {"count": n, "up": 5.0 * n}) for n in (1, 2, 3))


@FRIENDLY
async def test_the_method_greets_in_the_words_of_the_settings(labd_node):
    async with client(plugin, node=labd_node, user="alice") as asked:
        answer = await asked.call("hello.greet", {"who": "Ada"})
    assert answer == {"text": "Good morning, Ada!", "caller": "alice"}


async def test_the_job_kind_keeps_the_rest_of_the_spec(labd_node):
    job = await labd_node.jobs.submit(JobSpec(kind="greet", name="n", cpus=2))
    assert (job.name, job.cpus, job.argv) == ("n", 2, ("/bin/echo", "Hello, world!"))


@FRIENDLY
async def test_a_target_is_greeted_in_an_event(labd_node):
    notifier = plugin.labd_notifiers(labd_node)
    await notifier.send(notifier.settings(who="Ada"), {"id": "e1-4-ada", "text": "job 4 failed"})
    told = {"text": "Good morning, Ada! job 4 failed", "notice": "e1-4-ada"}
    assert labd_node.events.published == (("hello.told", told),)


@pytest.mark.parametrize("wrong", [{"interval": 0}, {"greeting": 1}, {"gretting": "Hi"}])
def test_wrong_settings_are_refused(wrong):
    with pytest.raises(AssertionError, match=next(iter(wrong))):
        check_plugin(plugin, settings=wrong)


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
