"""``labctl why``: golden output, and nothing wider than 80 columns."""

import json
from typing import Any

import pytest

from labd.cli.reasons import explained
from labd.cli.render import Terminal, cells
from tests.cli.conftest import Labctl
from tests.cli.fake import NOW, FakeDaemon, ended, job, queued


def holder(name: str, **changes: Any) -> dict[str, Any]:
    return {"holder": name, "cpus": 0.0, "memory": 0, "gpu_ids": [], "ends": None, **changes}


REPLY = {
    "job": queued(15, waiting_for="2 cores (1 free)"),
    "reasons": ["job 15 waits for 2 cores (1 free)"],
    "held_by": [
        holder("job 14", cpus=4.0, memory=24 * 2**30, gpu_ids=[0, 1]),
        holder("job 13", cpus=2.5, ends=NOW + 1560),
        holder("hello-ticker", cpus=0.5),
    ],
}

PARTS = [
    holder("job 14", gpus=0.25, gpu_ids=[0], vram=0, ends=NOW),
    holder("job 13", gpus=1, gpu_ids=[1], vram=8 * 2**30, ends=NOW + 1),
    holder("job 12", gpus=0.5, gpu_ids=[1], vram=2**30),
]


def test_parts_of_gpus_are_shown_as_parts() -> None:
    lines = explained(REPLY | {"held_by": PARTS}, Terminal(), NOW)
    assert [
        part in line for part, line in zip(("0.25 of 0 ", "8G of 1 ", "0.5+1G of 1 "), lines[3:], strict=True)
    ] == [True] * 3


GOLDEN = """\
Job 15 (train) waits for 2 cores (1 free).

HELD BY       CORES  MEMORY  GPUS  ENDS BY
job 13          2.5                2026-09-21 14:39:20 (in 26m00s)
job 14            4     24G  0,1   unknown
hello-ticker    0.5                unknown
"""


@pytest.mark.usefixtures("utc")
def test_the_reason_and_the_holders_with_the_first_to_end_on_top(daemon: FakeDaemon, run: Labctl) -> None:
    daemon.on("job.why", REPLY)
    assert run("why", "15") == (0, GOLDEN, "")
    assert daemon.params("job.why") == [{"job": 15}]


def test_json_is_the_daemons_answer_and_quiet_the_reasons(daemon: FakeDaemon, run: Labctl) -> None:
    daemon.on("job.why", REPLY)
    assert json.loads(run("why", "train", "--json").out) == {"version": 1, **REPLY}
    assert run("why", "train", "-q").out == "job 15 waits for 2 cores (1 free)\n"
    assert daemon.params("job.why")[0] == {"job": "train"}


@pytest.mark.parametrize(
    ("shown", "reasons", "out", "err"),
    [
        (queued(12), ["the machine is asleep"], "The machine is asleep.\n", ""),
        (queued(12), ["first this", "then that"], "First this.\nThen that.\n", ""),
        (queued(12), [], "Job 12 (train) is queued.\n", ""),
        (job(12, state="paused"), ["job 12 is paused"], "Job 12 (train) is paused.\n",
         "let it go on: labctl resume 12\n"),
        (job(12), ["job 12 is running"], "Job 12 (train) is running.\n",
         "everything about it: labctl show 12\n"),
        (ended(12, "failed", exit_code=3), ["job 12 has ended"],
         "Job 12 (train) failed after 4m00s: exit 3.\n", "everything about it: labctl show 12\n"),
    ],
)  # fmt: skip
def test_the_reason_is_a_sentence_and_the_next_step_is_on_stderr(
    daemon: FakeDaemon, run: Labctl, shown: dict[str, Any], reasons: list[str], out: str, err: str
) -> None:
    holders = [holder("job 7")] if shown["state"] != "queued" else []
    daemon.on("job.why", {"job": shown, "reasons": reasons, "held_by": holders})
    assert run("why", "12") == (0, out, err)


@pytest.mark.parametrize("width", [None, 200, 80])
def test_no_line_is_wider_than_80_columns(width: int | None) -> None:
    many = [holder(f"job {n}", cpus=0.25, gpu_ids=list(range(64)), ends=NOW + n) for n in range(30)]
    reply = {"job": queued(15, name="数" * 50), "reasons": ["job 15 waits for " + "x " * 90], "held_by": many}
    lines = explained(reply, Terminal(width=width), NOW)
    assert max(map(cells, lines)) <= 80
    assert lines[-1] == "and 20 more"


def test_names_from_others_cannot_steer_the_terminal() -> None:
    evil = {"job": queued(1), "reasons": ["\x1b[2J\n"], "held_by": [holder("\x9b2J")]}
    assert all(line.isprintable() for line in explained(evil, Terminal(), NOW))
