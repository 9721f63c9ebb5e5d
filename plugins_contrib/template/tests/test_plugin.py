import argparse
from typing import Any

import pytest
from labd.api import JobSpec, UsageError
from labd.testing import Node, Outcome, check_plugin, client, run_service

from labd_template import cli
from labd_template.plugin import Plugin


def test_labd_takes_it_with_all_that_it_offers(labd_plugin: Plugin) -> None:
    hooks = check_plugin(labd_plugin).hooks
    assert hooks == ("labd_settings", "labd_job_kinds", "labd_methods", "labd_services")


@pytest.mark.parametrize("wrong", [{"remember": 0}, {"remember": "all"}, {"rember": 1}])
def test_wrong_settings_are_refused(labd_plugin: Plugin, wrong: dict[str, Any]) -> None:
    with pytest.raises(AssertionError, match=next(iter(wrong))):
        check_plugin(labd_plugin, settings=wrong)


async def test_it_tells_how_jobs_ended(labd_plugin: Plugin, labd_node: Node, autojump_clock: object) -> None:
    labd_node.jobs.script(Outcome(seconds=60), Outcome(exit_code=3))
    async with run_service(labd_plugin.labd_services(labd_node)) as running:
        await running.ready()
        for _ in range(2):
            job = await labd_node.jobs.submit(JobSpec(argv=("train",)))
            await labd_node.jobs.wait(job.id)
        async with client(labd_plugin, node=labd_node) as asked:
            answer = await asked.call(f"{labd_node.name}.recent")
            with pytest.raises(UsageError, match="limit = 0"):
                await asked.call(f"{labd_node.name}.recent", {"limit": 0})
    assert [(ended["job"], ended["state"]) for ended in answer["jobs"]] == [(2, "failed"), (1, "succeeded")]


async def test_its_kind_of_job_keeps_the_rest_of_the_spec(labd_node: Node) -> None:
    params = {"text": "hi", "times": 3}
    job = await labd_node.jobs.submit(JobSpec(kind=labd_node.name, params=params, name="n"))
    assert (job.argv[-2:], job.name) == (("3", "hi"), "n")


def test_the_command_prints_what_labd_answers(capsys: pytest.CaptureFixture[str]) -> None:
    class Client:
        def __enter__(self) -> "Client":
            return self

        def __exit__(self, *exc: object) -> None:
            pass

        def call(self, method: str, params: dict[str, Any]) -> dict[str, Any]:
            return {"jobs": [{"job": params["limit"], "state": "failed"}]}

    parser = argparse.ArgumentParser()
    cli.add_arguments(parser)
    assert cli.run(parser.parse_args(["12"]), Client) == 0
    assert capsys.readouterr().out == "    12  failed\n"
