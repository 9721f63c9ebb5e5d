"""The daemon is killed at random moments while a client submits without pause. R2, R4, R11, R36."""

import logging
import os
import random
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.daemon_process import DaemonProcess
from tests.real.effects import Aftermath, Submitter, traced, until_idle
from tests.real.folding import differences

log = logging.getLogger("tests")  # pytest --log-cli-level=info shows the figures
pytestmark = pytest.mark.real

ROUNDS = int(os.environ.get("LABD_TEST_ROUNDS", "25"))
GPU_JOB = 'echo "+ $CUDA_VISIBLE_DEVICES" >> {gpus}; sleep 0.02; echo "- $CUDA_VISIBLE_DEVICES" >> {gpus}'


class Chaos(Aftermath):
    """What is left after all the kills, and how many there were."""

    kills = 0
    gpus = Path()


@pytest.fixture(scope="module")
def chaos() -> Iterator[Chaos]:
    with DaemonProcess("resources.gpus=[0, 1, 2]", cores=6) as daemon:
        dice, gpus = random.Random(ROUNDS), Path(daemon.folder, "gpus")

        def spec(number: int) -> dict[str, object]:
            time.sleep(dice.uniform(0, 0.04))
            if number % 3 == 0:
                return traced(daemon, GPU_JOB.format(gpus=gpus), gpus=1)
            return traced(daemon, dice.choice((":", "sleep 0.05", "sleep 0.3")))

        submitter = Submitter(daemon, spec).start()
        for turn in range(ROUNDS):
            if turn % 2:
                daemon.start()  # however slow the machine is, half of them get to work
            else:
                daemon.spawn()
            time.sleep(random.uniform(0.1, 1.2))
            daemon.kill()
        daemon.start()
        submitter.stop()
        until_idle(daemon)
        found = Chaos(daemon, submitter.accepted)
        found.kills, found.gpus = ROUNDS, gpus
        yield found
        log.info(
            f"{found.kills} kills, {len(found.accepted)} accepted, {_repeated(found)} in a second attempt"
        )


def _repeated(chaos: Chaos) -> int:
    return sum(job["attempt"] > 1 for job in chaos.jobs.values())


def test_r2_no_accepted_job_is_missing_after_random_kills(chaos: Chaos) -> None:
    assert len(chaos.accepted) >= 2 * chaos.kills, "the client hardly got anything accepted"
    assert chaos.lost() == []
    assert len(chaos.jobs) <= len(chaos.accepted) + 1  # the last submission may have gone unanswered


def test_r2_every_exit_code_and_every_line_of_output_is_recorded(chaos: Chaos) -> None:
    assert chaos.wrong_codes() == []
    assert chaos.wrong_logs() == []
    assert {job["state"] for job in chaos.jobs.values()} <= {"succeeded", "failed"}


def test_r4_no_attempt_ran_twice_and_no_job_more_often_than_its_attempts_say(chaos: Chaos) -> None:
    assert chaos.doubles() == []
    assert chaos.unmarked() == []


def test_r4_every_further_attempt_says_why_there_is_one(chaos: Chaos) -> None:
    starts = chaos.daemon.events("job.starting")
    assert all(event["cause"] for event in starts)
    assert all("never began" in event["cause"] for event in starts if event["data"]["attempt"] > 1)
    assert chaos.daemon.events("job.queued") == []  # nothing was retried: no job had asked for that


def test_r11_no_gpu_is_held_by_two_jobs_over_all_the_kills(chaos: Chaos) -> None:
    held: set[str] = set()
    for line in chaos.gpus.read_text().splitlines():
        act, gpu = line.split()
        assert (gpu in held) == (act == "-"), f"GPU {gpu} was given to two jobs"
        held ^= {gpu}
    assert held == set()


def test_r36_folding_the_events_gives_the_tables(chaos: Chaos) -> None:
    assert differences(chaos.daemon.state) == []
