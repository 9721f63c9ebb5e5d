"""What follows from a command or an end."""

import pytest

from labd.errors import Conflict
from labd.jobs import decide
from labd.jobs.decide import Ending
from labd.jobs.model import apply
from tests.jobs.build import Clocks, a_job, event


@pytest.mark.parametrize(
    ("ending", "kind", "cause"),
    [
        (Ending(reason="exited", exit_code=0), "job.succeeded", "exit code 0"),
        (Ending(reason="exited", exit_code=3), "job.failed", "exit code 3"),
        (Ending(reason="exited", signal=9), "job.failed", "signal 9"),
        (
            Ending(reason="exec_failed", exit_code=127, message="no such program: x"),
            "job.failed",
            "no such program: x",
        ),
        (Ending(reason="timed_out", signal=15), "job.timed_out", "signal 15"),
        (Ending(reason="lost", message="the machine restarted"), "job.lost", "the machine restarted"),
    ],
)
def test_an_end_is_named_by_its_marker(ending, kind, cause):
    [draft] = decide.ended(a_job("running"), ending, Clocks())
    assert (draft.kind, draft.cause) == (kind, cause)


def test_a_job_is_cancelled_only_when_somebody_asked():
    asked = apply(a_job("running"), event("job.cancel_requested", 4, "enough", job=1, attempt=1))
    [draft] = decide.ended(asked, Ending(reason="cancelled", signal=15), Clocks())
    assert (draft.kind, draft.cause) == ("job.cancelled", "enough")
    [draft] = decide.ended(asked, Ending(reason="exited", exit_code=0), Clocks())
    assert draft.kind == "job.succeeded"  # it was faster


def test_a_failure_is_retried_with_doubling_delays_and_then_no_more():
    job, clocks, delays = a_job("running", retries=2, retry_delay=10.0), Clocks(), []
    for _ in range(2):
        ended, queued = decide.ended(job, Ending(reason="exited", exit_code=1), clocks)
        delays.append(queued.data["ready_boot"] - clocks.boot())
        job = apply(apply(job, _as_event(ended)), _as_event(queued))
        job = apply(job, event("job.starting", job=1, attempt=job.attempt + 1, token="t" * 16, gpu_ids=[]))
    assert delays == [10, 20]
    assert [d.kind for d in decide.ended(job, Ending(reason="exited", exit_code=1), clocks)] == ["job.failed"]


def _as_event(draft):
    return event(draft.kind, 9, draft.cause, **draft.data)


def test_success_and_cancelled_jobs_are_not_retried():
    job = a_job("running", retries=2)
    assert len(decide.ended(job, Ending(reason="exited", exit_code=0), Clocks())) == 1
    asked = apply(job, event("job.cancel_requested", 4, "x", job=1, attempt=1))
    assert len(decide.ended(asked, Ending(reason="exited", exit_code=1), Clocks())) == 1


def test_an_attempt_that_never_began_puts_the_job_back_unless_its_end_was_asked_for():
    job = a_job("starting")
    assert [d.kind for d in decide.never_began(job, "why", Clocks())] == ["job.never_began"]
    asked = apply(job, event("job.cancel_requested", 4, "x", job=1, attempt=1))
    assert [d.kind for d in decide.never_began(asked, "why", Clocks())] == [
        "job.never_began",
        "job.cancelled",
    ]


def test_cancel_depends_on_the_state():
    assert decide.cancel(a_job(), "alice", "x").kind == "job.cancelled"
    assert decide.cancel(a_job("running"), "alice", "x").kind == "job.cancel_requested"
    with pytest.raises(Conflict, match="job 1 has ended already: timed out"):
        decide.cancel(a_job("timed_out"), "alice", "x")


def test_retry_by_hand_is_for_ended_jobs():
    assert decide.retry(a_job("lost"), "alice", Clocks()).data["automatic"] is False
    with pytest.raises(Conflict, match="job 1 is running, not ended"):
        decide.retry(a_job("running"), "alice", Clocks())


def _delayed(clocks, delay):
    fields = decide.ready_in(delay, clocks)
    return apply(a_job("failed"), event("job.queued", 5, job=1, automatic=True, **fields))


def test_r26_a_jump_of_the_wall_clock_moves_no_backoff():
    clocks = Clocks()
    job = _delayed(clocks, 60)
    for jump in (-86_400, 86_400):
        clocks.walls = 1_000_000 + jump
        assert decide.seconds_until_ready(job, clocks) == 60
    clocks.boots += 61
    assert decide.seconds_until_ready(job, clocks) == 0


def test_after_a_reboot_the_wall_clock_counts_and_never_for_longer_than_the_longest_backoff():
    job, later = _delayed(Clocks(), 60), Clocks("another-boot")
    later.boots, later.walls = 1.0, 1_000_020.0
    assert decide.seconds_until_ready(job, later) == 40
    later.walls = 0.0
    assert decide.seconds_until_ready(job, later) == decide.MAX_BACKOFF
