"""``labctl status``: golden output in a pipe and at 80 columns, and the shape of its JSON."""

import json

import pytest

from labd.cli import view
from labd.cli.commands.status import rows
from labd.cli.machine import headline
from labd.cli.render import Terminal
from labd.errors import NotFound
from tests.cli.conftest import Labctl
from tests.cli.fake import NOW, FakeDaemon, ended, job, queued

DAEMON = {
    "state": "running",
    "resources": {
        "cores": 8.0,
        "cores_held": 6.5,
        "memory": 64 * 2**30,
        "memory_held": 24 * 2**30,
        "gpus": [0, 1],
        "gpus_held": {"0": "job 14"},
        "leases": 2,
    },
    "jobs": {"running": 2, "queued": 1, "failed": 1, "succeeded": 1},
    "trouble": [],
}

LIVE = [
    job(14, name="resnet-50", gpus=1, gpu_ids=[0], progress=0.42, started=NOW - 5025),
    queued(15, name="数据", user="björn", waiting_for="1 GPUs (0 free)", gpus=1),
    job(13, name="sweep", cpus=0.5, memory=0, started=NOW - 2.5),
]
ENDED = [
    ended(11, "failed", name="evaluate", exit_code=3, reason="exit code 3"),
    ended(9, "succeeded", exit_code=0, reason="exit code 0", started=NOW - 90_000, ended=NOW - 7200),
    ended(8, "failed", signal=9, exit_code=None, reason="out of memory", ended=NOW - 8000),
]

GOLDEN_PIPE = """\
Cores 6.5/8   Memory 24G/64G   GPUs 1/2
Jobs 2 running, 1 queued, 1 succeeded, 1 failed

ID  NAME       STATE      USER   TAKES     ELAPSED  PROGRESS         INFO
14  resnet-50  running    anna   2c 8G 1g    1h23m  ████░░░░░░  42%
13  sweep      running    anna   0.5c         2.5s
15  数据       queued     björn  2c 8G 1g                            1 GPUs (0 free)
11  evaluate   failed     anna   2c 8G       4m00s                   exit 3, 1m00s ago
 9  train      succeeded  anna   2c 8G      23h00m                   2h00m ago
 8  train      failed     anna   2c 8G        0.0s                   SIGKILL (out of memory), 2h13m ago
"""

GOLDEN_80 = """\
ID  NAME       STATE      USER   TAKES     ELAPSED  INFO
14  resnet-50  running    anna   2c 8G 1g    1h23m  ████░░░░░░  42%
13  sweep      running    anna   0.5c         2.5s
15  数据       queued     björn  2c 8G 1g           1 GPUs (0 free)
11  evaluate   failed     anna   2c 8G       4m00s  exit 3, 1m00s ago
 9  train      succeeded  anna   2c 8G      23h00m  2h00m ago
 8  train      failed     anna   2c 8G        0.0s  SIGKILL (out of memory), 2h…
"""


@pytest.fixture
def machine(daemon: FakeDaemon) -> FakeDaemon:
    daemon.on("daemon.status", DAEMON)
    daemon.on(
        "job.list", lambda params: {"jobs": [j for j in LIVE + ENDED if j["state"] in params["states"]]}
    )
    return daemon


def test_a_pipe_gets_the_full_table_without_colour(machine: FakeDaemon, run: Labctl) -> None:
    code, out, err = run("status")
    assert (code, out, err) == (0, GOLDEN_PIPE, "")


def test_at_80_columns_the_last_column_gives_way_and_nothing_wraps() -> None:
    lines = rows(sorted(LIVE + ENDED, key=view.rank), Terminal(width=80), NOW)
    assert "\n".join(lines) + "\n" == GOLDEN_80


def test_even_20_columns_are_never_exceeded() -> None:
    from labd.cli.render import cells

    assert max(map(cells, rows(LIVE + ENDED, Terminal(width=20), NOW))) <= 20


def test_json_holds_the_daemon_and_the_jobs(machine: FakeDaemon, run: Labctl) -> None:
    found = json.loads(run("status", "--json").out)
    assert list(found) == ["version", "daemon", "jobs", "more"]
    assert found["version"] == 1
    assert [j["id"] for j in found["jobs"]] == [14, 13, 15, 11, 9, 8]
    assert found["jobs"][2] == LIVE[1]


def test_a_long_name_leaves_24_cells_to_the_last_column() -> None:
    shown = [queued(12, name="n" * 60, waiting_for="w" * 40), job(13, progress=0.5)]
    assert rows(shown, Terminal(width=80), NOW)[1].endswith("  " + "w" * 23 + "…")


def test_what_waits_stands_in_the_order_in_which_it_starts(daemon: FakeDaemon, run: Labctl) -> None:
    waiting = [queued(n, priority=p) for n, p in ((1, 0), (2, 5), (3, 0), (4, -3))]
    daemon.on("job.list", lambda p: {"jobs": waiting if "queued" in p["states"] else []})
    daemon.on("daemon.status", {})
    lines = run("status").out.splitlines()[3:]
    assert [line.split()[0] for line in lines] == ["2", "1", "3", "4"]
    assert [line.partition("prio ")[2] for line in lines] == ["5", "", "", "-3"]


def test_states_stand_in_their_order_and_the_newest_on_top_of_each(daemon: FakeDaemon, run: Labctl) -> None:
    states = ["held", "failed", "blocked", "queued", "paused", "starting", "running", "succeeded", "running"]
    jobs = [job(number, state=state) for number, state in enumerate(states, start=1)]
    daemon.on("job.list", lambda params: {"jobs": [j for j in jobs if j["state"] in params["states"]]})
    assert run("status", "-q").out.split() == ["9", "7", "6", "5", "4", "3", "1", "8", "2"]


def test_many_that_wait_do_not_crowd_out_the_one_that_runs(daemon: FakeDaemon, run: Labctl) -> None:
    waiting = [queued(number) for number in range(2, 10)]
    daemon.on("job.list", lambda p: {"jobs": [job(1)] if "running" in p["states"] else waiting[: p["limit"]]})
    assert run("status", "-q", "--limit", "3").out.split() == ["1", "2", "3"]
    assert [ask.get("order") for ask in daemon.params("job.list")] == ["start", None]


def test_a_job_that_moves_on_meanwhile_is_shown_once_and_as_it_was_last(
    daemon: FakeDaemon, run: Labctl
) -> None:
    daemon.script("job.list", {"jobs": [queued(1)]}, {"jobs": [job(1)]}, {"jobs": [ended(1, "succeeded")]})
    daemon.on("daemon.status", {})
    assert [j["state"] for j in json.loads(run("status", "--json").out)["jobs"]] == ["succeeded"]


def test_quiet_prints_ids_only_and_asks_for_nothing_else(machine: FakeDaemon, run: Labctl) -> None:
    assert run("status", "-q").out == "14\n13\n15\n11\n9\n8\n"
    assert machine.params("daemon.status") == []


def test_chosen_jobs_are_looked_up_by_id_and_by_name(daemon: FakeDaemon, run: Labctl) -> None:
    daemon.on("daemon.status", DAEMON)
    daemon.on("job.show", lambda params: {"job": job(), "attempts": []})
    assert run("status", "12", "train").out.count("train") == 2
    assert daemon.params("job.show") == [{"job": 12}, {"job": "train"}]


def test_a_job_that_is_not_there_leaves_with_4(daemon: FakeDaemon, run: Labctl) -> None:
    daemon.on("job.show", NotFound("there is no job 99", hint="labctl status --all lists jobs"))
    code, out, err = run("status", "99")
    assert (code, out) == (4, "")
    assert err == "labctl: not found: there is no job 99\n  hint: labctl status --all lists jobs\n"


def test_filters_travel(machine: FakeDaemon, run: Labctl) -> None:
    run("status", "--state", "failed", "--state", "lost", "--user", "anna", "--limit", "5")
    assert machine.params("job.list") == [{"states": ["failed", "lost"], "user": "anna", "limit": 5}]


def test_names_tags_and_groups_travel(machine: FakeDaemon, run: Labctl) -> None:
    run("status", "--state", "failed", "--name", "rate-*", "--tag", "a", "--group", "net")
    [asked] = machine.params("job.list")
    assert asked == {"states": ["failed"], "limit": 100, "name": "rate-*", "tag": "a", "group": "net"}


def test_what_is_shown_is_sorted_as_asked(machine: FakeDaemon, run: Labctl) -> None:
    assert run("status", "-q", "--sort", "name").out.split() == ["11", "14", "13", "9", "8", "15"]
    assert run("status", "-q", "--sort", "ended").out.split() == ["8", "9", "11", "14", "13", "15"]
    assert run("status", "-q", "--sort", "ended", "-r").out.split() == ["11", "9", "8", "14", "13", "15"]
    assert run("status", "-q", "--reverse").out.split() == ["8", "9", "11", "15", "13", "14"]
    code, _, err = run("status", "--sort", "start")
    assert code == 2
    assert "did you mean `started`?" in err


def test_a_wrong_state_is_named_with_the_nearest(run: Labctl) -> None:
    code, _, err = run("status", "--state", "fail")
    assert code == 2
    assert "--state: there is no 'fail'\n  hint: did you mean `failed`?" in err


def test_all_reads_page_after_page(daemon: FakeDaemon, run: Labctl, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("labd.cli.commands.status.PAGE", 2)
    jobs = [ended(5, "failed"), ended(4, "failed"), job(3), ended(2, "lost"), ended(1, "lost")]
    daemon.on("job.list", lambda p: {"jobs": [j for j in jobs if j["id"] < p.get("before", 99)][:2]})
    assert run("status", "--all", "-q").out.split() == ["3", "5", "4", "2", "1"]


def test_more_jobs_than_are_shown_are_mentioned_on_stderr(machine: FakeDaemon, run: Labctl) -> None:
    code, _, err = run("status", "--limit", "3")
    assert (code, err) == (0, "There are more: labctl status --all\n")


def test_nothing_to_show_says_how_to_begin(daemon: FakeDaemon, run: Labctl) -> None:
    daemon.on("daemon.status", {})
    daemon.on("job.list", {"jobs": []})
    assert run("status").err == "No jobs. Submit one: labctl submit COMMAND\n"
    assert run("status", "--tag", "x").err == "No such jobs.\n"


def test_trouble_stands_on_top() -> None:
    lines = headline({"trouble": ["labd is stopping: SIGTERM", "the store is\x1b[2J full"]}, Terminal())
    assert lines == ["Jobs none", "! labd is stopping: SIGTERM", "! the store is\\x1b[2J full"]


def test_colours_stay_out_of_the_widths() -> None:
    plain = rows(LIVE, Terminal(width=80), NOW)
    coloured = rows(LIVE, Terminal(colour=True, width=80), NOW)
    assert "\x1b[32mrunning\x1b[0m" in coloured[1]
    assert [_without_colour(line) for line in coloured] == plain


def _without_colour(line: str) -> str:
    import re

    return re.sub(r"\x1b\[\d+m", "", line)
